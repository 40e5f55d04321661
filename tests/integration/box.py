"""A real systemd for a test, in tests/systemd-box: how to get in, and what is done there

meson sets the environment: BUILD and the folders of the installation.
"""

import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.environ['BUILD']
CONFIGS = os.path.join(os.environ['SYSCONFDIR'], 'mdshmd')
DAEMON = os.path.join(os.environ['SBINDIR'], 'mdshmd')
MDCTL = os.path.join(os.environ['BINDIR'], 'mdctl')
MDSIM = os.path.join(os.environ['BINDIR'], 'mdsim')
UNITS = os.path.join(os.environ['PREFIX'], 'lib/systemd/system')

PATIENCE = 600 if os.environ.get('MDSHMD_LONG') else 60  # seconds for what must happen, on a machine that is busy
NO_BOX = 125  # what systemd-box exits with


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=2 * PATIENCE, **options)


def must(*command):
    """Its output; it has to succeed."""
    result = run(*command)
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout


def wait_for(what, condition):
    """The first true value of condition(), which must come."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f'{what}: not within {PATIENCE} s\n'
                         + run('journalctl', '-o', 'cat', '-n', '30').stdout)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def install():
    """What was built, its units and users."""
    must('meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet')
    must('ldconfig')
    must('systemd-sysusers')
    must('systemctl', 'daemon-reload')


def enter_box(script):
    """Boots the box and runs the script in there, with --inside before its arguments; its exit status."""
    if os.geteuid() != 0:
        print('skipped: only root can boot a systemd of its own')
        return 77
    status = subprocess.call([os.path.join(TOP, 'tests/systemd-box'), sys.executable,
                              os.path.realpath(script), '--inside', *sys.argv[1:]],
                             env={**os.environ, 'BOX_TREE': TOP,
                                  'BOX_RW': BUILD if not BUILD.startswith(TOP + '/') else ''})
    if status == NO_BOX:
        print('skipped: NO SERVICE WAS TESTED: systemd cannot be booted here, see above')
        return 77
    return status
