/** What errors of a command line, of its files and of this machine mean, and what to do. */
import type { ErrorCode } from '../../src/errors.ts'
import { transcript, trouble, type CodeTroubles } from './trouble.ts'

type Code = Extract<
  ErrorCode,
  | 'internal'
  | 'unreadable'
  | 'unwritable'
  | 'changed'
  | 'locked'
  | 'address-in-use'
  | 'unsupported'
  | 'usage'
  | 'malformed-key'
  | 'malformed-range'
  | 'malformed-address'
>

/** By code. */
export const OF_INPUT: Readonly<Record<Code, CodeTroubles>> = {
  internal: {
    about:
      'dstore met a case that it does not know: a defect. Repeat the command with `--verbose`, and report what it prints, with the end of `dstore logs`.',
    troubles: [],
  },
  unreadable: {
    about: 'A file that you named cannot be read. Nothing was stored.',
    troubles: [
      trouble(
        'cannot read FILE: no such file',
        'the path is wrong, or relative to another folder',
        'correct the path',
      ),
      trouble(
        'cannot read @FILE: no such file',
        '`@FILE` means: the ticket is in this file',
        'copy the ticket there, or pass it to standard input with `-`',
        transcript('membership'),
      ),
    ],
  },
  unwritable: {
    about:
      'An output, or the state directory, cannot be written. A file that was there is as before.',
    troubles: [
      trouble(
        'cannot write to FILE: no such directory',
        'the folder of the output does not exist',
        'make the folder first',
      ),
    ],
  },
  changed: {
    about: 'A file changed while it was read, so no key stands for it. Nothing was stored.',
    troubles: [
      trouble(
        'FILE was replaced while it was being read',
        'a build, an editor or a download still writes there',
        'wait for it, then repeat the command',
        'test/tree/put/walk.test.ts',
      ),
    ],
  },
  locked: {
    about: 'A daemon runs here already. One state directory has one daemon.',
    troubles: [
      trouble(
        'a daemon is already running, with other flags',
        'flags of `start` count for a daemon that is not there yet',
        '`dstore stop`, then start it with the new flags',
        transcript('background'),
      ),
      trouble(
        'a daemon is running for this state directory: process N, since TIME',
        'a second daemon was started in the foreground',
        '`dstore stop`, or another `--dir`',
        transcript('background'),
      ),
      trouble(
        'a standalone node is running here',
        'a node of another role runs for this directory',
        '`dstore stop`, then join again',
        transcript('membership'),
      ),
      trouble(
        'a Local of another Global is running here',
        'this directory belongs to another Global',
        'another `--dir`, or `dstore stop` and an empty directory',
        transcript('membership'),
      ),
    ],
  },
  'address-in-use': {
    about: 'Another program listens at the address.',
    troubles: [
      trouble(
        'ADDRESS: something else listens there',
        'another node, or another program, has the port of `--listen`',
        'choose another port, or end the other (`ss -ltnp` names it)',
        transcript('three-nodes'),
      ),
      trouble(
        'cannot serve HTTP on ADDRESS: something else listens there',
        'another node, or another program, has the port of `--http`',
        'choose another port',
      ),
    ],
  },
  unsupported: {
    about: 'This system, or this node, cannot do it at all.',
    troubles: [
      trouble(
        'dstore does not run on Windows',
        'dstore needs Linux or macOS',
        'run it in WSL 2',
        'test/cli/system.test.ts',
      ),
    ],
  },
  usage: {
    about: 'The command cannot be understood as it is written. Nothing was done.',
    troubles: [
      trouble('no such command: WORD', 'a typing error', '`dstore --help`', transcript('usage')),
      trouble(
        'COMMAND: unknown option WORD',
        'the command has no such flag',
        '`dstore COMMAND --help`',
        transcript('usage'),
      ),
      trouble(
        'not a duration: TEXT',
        'a duration has a unit',
        'write `30s`, `10m`, `2h` or `7d`',
        transcript('usage'),
      ),
      trouble(
        'not a size: TEXT',
        'a size is a number of bytes, or has a unit',
        'write `4096`, `64MiB` or `10GiB`',
        transcript('rules'),
      ),
      trouble(
        'a node has one role: --global, --join or --standalone',
        'two flags contradict each other',
        'give one of them',
        transcript('membership'),
      ),
      trouble(
        'not a ticket: its checksum is wrong',
        'the ticket was copied in part',
        'copy the whole line that `dstore invite` printed',
        transcript('membership'),
      ),
      trouble(
        'FILE is a link that leads out of the folder: TARGET',
        'the link would lead nowhere on another machine',
        '`--follow` stores what it points to; `--ignore-file` leaves it out',
        transcript('put-and-get'),
      ),
    ],
  },
  'malformed-key': {
    about: 'A word that should be a key is none.',
    troubles: [
      trouble(
        'not a key: REASON',
        'it was cut short or mistyped, or is the CID of another hash',
        'copy the whole key; `dstore cid FILE` computes it',
        transcript('names'),
      ),
    ],
  },
  'malformed-range': {
    about: 'A byte range cannot be understood. It is `FIRST-LAST`, both included, counted from 0.',
    troubles: [
      trouble(
        'the range is reversed: RANGE',
        'the first byte is behind the last one',
        'write `0-1023` for the first KiB',
        transcript('usage'),
      ),
      trouble(
        'not a byte range: TEXT',
        'it is not of the form `FIRST-LAST`, `FIRST-` or `-COUNT`',
        'one range at a time',
        transcript('usage'),
      ),
    ],
  },
  'malformed-address': {
    about: 'An address is not one that dstore can use.',
    troubles: [
      trouble(
        'the address has no peer id: ADDRESS',
        'the peer id tells the right node from another one',
        "copy the whole address from Global's ready line",
        transcript('usage'),
      ),
      trouble(
        'not an address to listen on: ADDRESS',
        'it is no multiaddr of TCP',
        'write `/ip4/0.0.0.0/tcp/4480`',
        transcript('usage'),
      ),
    ],
  },
}
