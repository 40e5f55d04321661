"""A daemon of our own, for the tests of the tools

The real mdshmd with config, socket and log in a folder under /tmp, and a segment name that nobody else
has. The environment says where the programs are; meson sets it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DAEMON = os.environ['MDSHMD_DAEMON']
MDCTL = os.environ['MDCTL']
MDSIM = os.environ['MDSIM']

PATIENCE = 60  # seconds for what must happen, on a slow machine under a sanitizer


def wait_for(what, condition):
    """The first true value of condition(), which must come."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f'{what}: not within {PATIENCE} s')


def mdctl_command(path, *args):
    return [MDCTL, *(['-s', path] if path else []), *args]


def mdctl_environment(**changes):
    env = {name: value for name, value in os.environ.items()
           if name not in ('MDSHMD_SOCKET', 'NO_COLOR')}
    env['TERM'] = 'xterm'
    env.update(changes)
    return env


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def udp_feed(*ports, name='sim', protocol='iex-tops'):
    """A feed on this host: line A at the first of these ports, line B at the second."""
    lines = ''.join(f'{line} = 127.0.0.1:{port}\n' for line, port in zip('ab', ports))
    return f'[feed {name}]\nsource = udp\nprotocol = {protocol}\n{lines}'


class Rig:
    """A daemon with `feed`, the text of a [feed] section, a journal so long, room for so many
    instruments, and so many levels of depth; a context manager."""

    def __init__(self, feed='', journal=262144, instruments=16384, depth=0):
        self.folder = tempfile.mkdtemp(prefix='mdctl-test.')
        self.socket = os.path.join(self.folder, 'socket')
        self.segment = f'mdctl-test-{os.path.basename(self.folder)}'
        self.daemon = None
        self.others = []
        self.configure(feed, journal, instruments, depth)

    def configure(self, feed, journal, instruments=16384, depth=0):
        """For the next start."""
        with open(os.path.join(self.folder, 'conf'), 'w', encoding='ascii') as config:
            config.write(f'[segment]\nname = {self.segment}\ninstruments = {instruments}\n'
                         f'journal = {journal}\ndepth = {depth}\n[listen]\nsocket = {self.socket}\n{feed}')

    def start(self):
        with open(os.path.join(self.folder, 'log'), 'w', encoding='ascii') as log:
            self.daemon = subprocess.Popen([DAEMON, '-c', os.path.join(self.folder, 'conf')],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for('the daemon answers', lambda: self.run('status').returncode == 0)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        for process in [*self.others, self.daemon]:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        for name in (self.segment, self.segment + '.lock'):
            if os.path.exists('/dev/shm/' + name):
                os.unlink('/dev/shm/' + name)
        shutil.rmtree(self.folder)

    def log(self):
        """What the daemon has said so far."""
        with open(os.path.join(self.folder, 'log'), encoding='utf-8') as log:
            return log.read()

    def kill(self):
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()

    def simulate(self, port, *options):
        """A simulated exchange that sends to that port, see udp_feed()."""
        self.others.append(subprocess.Popen([MDSIM, '--to', f'127.0.0.1:{port}', *options],
                                            stdin=subprocess.DEVNULL))
        wait_for('instruments', lambda: self.json('list'))

    def begin(self, *args, **kwargs):
        """mdctl beside the test, with pipes."""
        process = subprocess.Popen(mdctl_command(self.socket, *args), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=mdctl_environment(), **kwargs)
        self.others.append(process)
        return process

    def run(self, *args, **kwargs):
        options = {'capture_output': True, 'text': True, 'timeout': PATIENCE,
                   'stdin': subprocess.DEVNULL, 'env': mdctl_environment(), **kwargs}
        return subprocess.run(mdctl_command(self.socket, *args), check=False, **options)

    def output(self, *args):
        """What mdctl prints; it must succeed, and have nothing to complain of."""
        result = self.run(*args)
        assert result.returncode == 0 and not result.stderr, (args, result)
        return result.stdout

    def json(self, *args, **kwargs):
        return json.loads(self.output('--format=json', *args), **kwargs)
