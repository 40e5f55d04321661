"""In systemd's place: keeps what daemons send, and starts the next one with it"""

import array
import os
import random
import socket
import subprocess
import threading

from rig import DAEMON, Rig, wait_for


class Manager:
    """Keeps what it is sent: {name: [descriptor]}."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.path, self.store, self.lock = path, {}, threading.Lock()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(8 * 4))
            fds = array.array('i')
            for _, _, data in ancillary:
                fds.frombytes(data)
            said = dict(line.split('=', 1) for line in text.decode().split('\n'))
            with self.lock:
                if 'FDSTORE' in said:
                    assert said['FDPOLL'] == '0' and len(fds)
                    self.store.setdefault(said['FDNAME'], []).extend(fds)
                if 'FDSTOREREMOVE' in said:
                    for fd in self.store.pop(said['FDNAME'], []):
                        os.close(fd)

    def names(self):
        with self.lock:
            return sorted(self.store)


class ManagedRig(Rig):
    """A daemon that leaves everything to the next one."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.manager = Manager(os.path.join(self.folder, 'notify'))

    def start(self):
        """With all that is in the store, and names for it in the same order."""
        with self.manager.lock:
            entries = [(name, fd) for name, fds in self.manager.store.items() for fd in fds]
        random.shuffle(entries)

        def place():
            copies = [os.dup(fd) for _, fd in entries]
            high = [os.dup2(fd, 500 + i) for i, fd in enumerate(copies)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)  # not close-on-exec
            os.closerange(3 + len(entries), 1000)

        env = {**os.environ, 'NOTIFY_SOCKET': self.manager.path}
        if entries:
            env.update(LISTEN_FDS=str(len(entries)), LISTEN_FDNAMES=':'.join(n for n, _ in entries))
        with open(os.path.join(self.folder, 'log'), 'a', encoding='ascii') as log:
            self.daemon = subprocess.Popen(
                ['sh', '-c', 'LISTEN_PID=$$ exec "$0" -c "$1"', DAEMON,
                 os.path.join(self.folder, 'conf')], env=env, close_fds=False, preexec_fn=place,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for('the daemon answers', lambda: self.run('status').returncode == 0)

    def end(self, how):
        self.daemon.send_signal(how)
        self.daemon.wait()
