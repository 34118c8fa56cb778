/** What errors of the store, of other nodes and of their limits mean, and what to do. */
import type { ErrorCode } from '../../src/errors.ts'
import { transcript, trouble, type CodeTroubles } from './trouble.ts'

type Code = Extract<
  ErrorCode,
  | 'not-found'
  | 'removed'
  | 'integrity'
  | 'unreachable'
  | 'timeout'
  | 'incompatible'
  | 'impostor'
  | 'protocol'
  | 'not-permitted'
  | 'range'
  | 'too-large'
  | 'busy'
  | 'no-space'
  | 'partial'
  | 'conflict'
  | 'cancelled'
>

/** By code. */
export const OF_NODES: Readonly<Record<Code, CodeTroubles>> = {
  'not-found': {
    about:
      'There is no such key or name, as far as Global knows. A script may take exit code 3 for "not there".',
    troubles: [
      trouble(
        'no such name: NAME',
        'it was never bound, was removed, has expired, or is at another node',
        '`dstore ls`; `dstore status` names the node that you ask',
      ),
      trouble(
        'no such key: KEY',
        'the value was never stored here, or was removed',
        'put it again: the key will be the same',
        transcript('keys'),
      ),
      trouble(
        'no such key or name: BEGINNING',
        'no key at this node begins with these characters',
        '`dstore ls --keys` lists keys; give one of them, or its first characters',
        transcript('keys'),
      ),
      trouble(
        'no such member: WORD',
        'no member has this label or peer id',
        '`dstore members` lists both',
        transcript('membership'),
      ),
      trouble(
        'there is no rule for PREFIX',
        'rules belong to prefixes as they were set',
        '`dstore rule ls`',
        transcript('rules'),
      ),
    ],
  },
  removed: {
    about: 'The value was removed while you read it. The output is as it was before.',
    troubles: [],
  },
  integrity: {
    about: 'Bytes were not those that their key stands for. dstore gave none of them out.',
    troubles: [
      trouble(
        'the value is damaged on disk',
        'the disk, or another program, changed the file of a value',
        'put the file again, or `dstore verify --repair`; then examine the disk',
        transcript('verify'),
      ),
      trouble(
        "the bytes from N on are not the value's",
        'the same, found while it was read',
        'the same',
      ),
      trouble(
        'KEY in the archive does not match its key: REASON',
        'an archive of `dstore export` was changed',
        'what is whole in it was imported; take another copy for the rest',
        transcript('archive'),
      ),
    ],
  },
  unreachable: {
    about:
      'The daemon or Global is away. Nothing was changed; the same command works when it is back.',
    troubles: [
      trouble(
        'no daemon is running for DIR',
        'the command does not start one by itself, or `--no-start` forbids it',
        '`dstore start`; is it the directory that you mean?',
      ),
      trouble(
        'Global cannot be reached: ADDRESS: nothing listens there',
        'Global is stopped, or listens at another port',
        '`dstore status` at Global; [more](two-machines.md#nothing-listens-there)',
        transcript('three-nodes'),
      ),
    ],
  },
  timeout: {
    about: 'There was no progress for the time of `--timeout`, 30 s by default.',
    troubles: [
      trouble(
        'the daemon did not answer within N s',
        'its process is stopped, or the machine is overloaded',
        '`dstore status`; if it does not answer either, end the process and start it again',
      ),
      trouble(
        'ADDRESS: no answer in time',
        'a firewall drops packets, or no machine has this address',
        'open the port; [more](two-machines.md#no-answer-in-time-no-route-to-it)',
        'test/node/local/connection-race.test.ts',
      ),
    ],
  },
  incompatible: {
    about: 'The other side speaks another protocol, or other versions of it.',
    troubles: [
      trouble(
        'ADDRESS: it did not complete a libp2p handshake',
        'the port belongs to another program, or to the HTTP API of a node',
        "take the address from Global's ready line",
      ),
    ],
  },
  impostor: {
    about: 'A node with another identity answers at the address. Nothing was sent to it.',
    troubles: [
      trouble(
        'ADDRESS: another peer answers there',
        "Global's state directory was replaced or lost, or the address is that of another Global",
        'if Global is new, join it with a new ticket',
        transcript('three-nodes'),
      ),
    ],
  },
  protocol: {
    about:
      'The other side broke the rules of its protocol. If both are dstore, of versions that fit, it is a defect: report it.',
    troubles: [
      trouble(
        'standard input does not come from the go command: REASON',
        '`dstore gocache` was started by hand',
        'let go start it: `GOCACHEPROG="dstore gocache"`',
        transcript('gocache'),
      ),
    ],
  },
  'not-permitted': {
    about: 'You, your token or this node may not do that. Only an administrator can change it.',
    troubles: [
      trouble(
        'this needs the role ROLE, and this node is a ROLE here',
        'the ticket gave this machine another role',
        'at Global, the command in the hint',
        transcript('membership'),
      ),
      trouble(
        'this ticket was used up, or is void',
        'a ticket admits as many nodes as `--uses` says',
        '`dstore invite` makes another one',
        transcript('membership'),
      ),
      trouble(
        'this node is no longer a member of this Global',
        'an administrator removed it',
        'join with a new ticket',
        transcript('membership'),
      ),
      trouble(
        'this node is not a member of this Global',
        'it joined by an address, and is not on the list',
        'join with a ticket, or run the command in the hint at Global',
        transcript('membership'),
      ),
      trouble(
        'the state directory is open to others: DIR',
        'other users could replace what is in it',
        'the command in the hint',
      ),
    ],
  },
  range: {
    about: 'The range begins behind the end of the value.',
    troubles: [
      trouble(
        'the range is beyond the end of the value (N bytes)',
        'the value is shorter than you think',
        '`dstore stat` has its size',
        transcript('put-and-get'),
      ),
    ],
  },
  'too-large': {
    about:
      'It is larger than a [limit](reference/limits.md) or a rule allows, and will be next time.',
    troubles: [
      trouble(
        'N bytes are more than the N bytes that the rule of PREFIX allows',
        'a [rule](rules.md) bounds what names below this prefix may hold',
        'another prefix, or a larger bound: `dstore rule set`',
        transcript('rules'),
      ),
    ],
  },
  busy: {
    about: 'A limit on work at a time is reached. The same command works later.',
    troubles: [
      trouble(
        'too many open files',
        'the system allows this process no more',
        'raise the limit with `ulimit -n`',
        'test/cli/failures.test.ts',
      ),
    ],
  },
  'no-space': {
    about: 'There is no room. Nothing was removed to make some.',
    troubles: [
      trouble(
        'N bytes do not fit: N bytes are left',
        'the store is bounded by `--max-size`',
        'remove names, set a [rule](rules.md), or allow more',
      ),
      trouble(
        'the disk is full',
        'the file system of the state directory, or of an output, is full',
        'free some space; what was stored is whole',
        'test/faults/scarce.extended.ts',
      ),
    ],
  },
  partial: {
    about:
      'Of several things some were done: each has a line of its own. Or a removal is decided, and a machine that could not be reached has yet to hear of it; it drops the value before it serves anything again.',
    troubles: [
      trouble(
        'cannot read all of the archive: REASON',
        'the archive was cut off, or something follows its end',
        'what is whole in it was imported',
        transcript('archive'),
      ),
      trouble(
        'not imported: REASON',
        'this entry of the archive is no value of dstore; the others were imported',
        'nothing, if it was not made by `dstore export`',
        transcript('archive'),
      ),
    ],
  },
  conflict: {
    about: 'It contradicts what is stored. Nothing was changed.',
    troubles: [
      trouble(
        'the name NAME is bound to KEY',
        'a fixed name stays with its value',
        'another name, or a [tag](names.md)',
      ),
      trouble(
        'KEY has names: NAMES',
        'a value with names goes with its last name',
        '`dstore rm NAME`, or `--force`',
      ),
      trouble(
        'KEY is in N directories',
        'a directory needs it',
        'remove the directories, or use `--force`, after which they lack it',
        'docs/tutorial.md',
      ),
      trouble(
        'the name NAME is fixed',
        'only a tag can be moved',
        'another name; the kind of a name does not change',
        transcript('tags'),
      ),
      trouble(
        'the name NAME is a tag',
        'only a fixed name can be bound with `--name`',
        '`--tag NAME` moves it; or another name',
        transcript('tags'),
      ),
    ],
  },
  cancelled: {
    about:
      'You ended the command with Ctrl-C, or a program its call. An upload that was cut off is resumed by the next put.',
    troubles: [],
  },
}
