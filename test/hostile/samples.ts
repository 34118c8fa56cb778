/** One true message of each kind of both protocols (specs/003, specs/004). */
import { randomBytes } from 'node:crypto'
import type { IndexKind, TransferKind } from './messages.ts'
import type { Field } from './protobuf.ts'

const DIGEST = randomBytes(32)
const RUN = randomBytes(16)
const HOLD = randomBytes(16)
const OPERATION = randomBytes(16)
const MEMBER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
const POSITION: readonly Field[] = [
  [1, RUN],
  [2, 7],
]
const RECEIPT: readonly Field[] = [
  [1, DIGEST],
  [2, 5],
  [3, 2],
  [4, true],
]
const FACT: readonly Field[] = [
  [1, true],
  [2, 5],
  [3, 2],
  [4, 'hello'],
  [6, 'a/name'],
  [
    7,
    [
      [1, 100_000],
      [2, 3],
      [3, true],
    ],
  ],
  [8, 2],
]

const ITEM: readonly Field[] = [
  [1, DIGEST],
  [2, true],
]

const BINDING: readonly Field[] = [
  [1, true],
  [2, DIGEST],
  [3, 4],
  [4, FACT],
  [5, true],
  [6, true],
  [7, 1_700_000_000_000],
  [8, 1_800_000_000_000],
]
const NAMING: readonly Field[] = [
  [1, true],
  [2, 60_000],
  [3, 1000],
  [4, true],
]
const TARGET: readonly Field[] = [
  [1, DIGEST],
  [2, true],
  [3, 1_700_000_000_000],
]
const TERMS: readonly Field[] = [
  [1, 1000],
  [2, 60_000],
  [3, 60_000],
  [4, 10],
]
const PUT_ITEM: readonly Field[] = [
  [1, 'hello'],
  [2, 'a/name'],
  [3, NAMING],
  [4, OPERATION],
]
const FAILURE: readonly Field[] = [
  [1, 'conflict'],
  [2, 'taken'],
]

/** A sound one of each kind: what mutations begin with. */
export const INDEX_SAMPLES: Readonly<Record<IndexKind, readonly Field[]>> = {
  hello: [
    [1, Uint8Array.of(1)],
    [2, RUN],
    [3, POSITION],
    [5, 9],
  ],
  welcome: [
    [1, 1],
    [2, POSITION],
    [3, 5000],
    [4, true],
    [5, MEMBER],
  ],
  locate: [
    [1, DIGEST],
    [1, randomBytes(32)],
    [2, true],
  ],
  located: [
    [1, FACT],
    [1, []],
  ],
  put: [
    [1, 'hello'],
    [2, 'a/name'],
  ],
  stored: [[1, RECEIPT]],
  putBatch: [
    [1, PUT_ITEM],
    [1, [[1, 'other']]],
  ],
  storedBatch: [
    [1, [[1, RECEIPT]]],
    [1, [[2, FAILURE]]],
    [2, MEMBER],
  ],
  offer: [
    [1, DIGEST],
    [2, 100_000],
    [3, 'a/name'],
  ],
  offered: [[2, 16_384]],
  remove: [
    [1, DIGEST],
    [2, 5000],
    [3, true],
  ],
  removed: [
    [1, 9],
    [2, 5],
    [3, 'PEER'],
    [4, 'PEER'],
    [6, 'a/name'],
    [7, DIGEST],
    [
      8,
      [
        [1, 2],
        [2, 3],
        [3, true],
      ],
    ],
  ],
  list: [
    [1, DIGEST],
    [2, 100],
  ],
  listed: [
    [
      1,
      [
        [1, DIGEST],
        [2, 5],
      ],
    ],
    [2, true],
  ],
  ping: [],
  pong: [[1, 9]],
  goodbye: [[1, 'why']],
  failure: [
    [1, 'busy'],
    [2, 'why'],
    [3, 'hint'],
  ],
  feed: [
    [1, 3],
    [2, 9],
    [
      3,
      [
        [1, DIGEST],
        [2, 5],
      ],
    ],
    [
      4,
      [
        [1, 'a/name'],
        [2, 6],
      ],
    ],
    [
      5,
      [
        [1, MEMBER],
        [2, true],
        [3, 7],
      ],
    ],
  ],
  ack: [[1, 9]],
  bind: [
    [1, 'a/name'],
    [2, DIGEST],
    [3, true],
  ],
  unbind: [
    [1, 'a/name'],
    [2, true],
    [3, 5000],
  ],
  lookup: [
    [1, 'a/name'],
    [2, true],
  ],
  binding: BINDING,
  rebind: [
    [1, 'a/tag'],
    [2, DIGEST],
    [3, true],
    [4, NAMING],
    [5, OPERATION],
  ],
  rebound: [
    [1, BINDING],
    [2, TARGET],
    [3, 1_700_000_000_000],
    [4, MEMBER],
  ],
  tagHistory: [[1, 'a/tag']],
  tagTargets: [
    [1, TARGET],
    [1, [[1, DIGEST]]],
  ],
  setRule: [
    [1, 'a/'],
    [2, TERMS],
  ],
  removeRule: [[1, 'a/']],
  accepted: [[1, true]],
  rules: [],
  ruleList: [
    [
      1,
      [
        [1, 'a/'],
        [2, TERMS],
        [3, 2],
        [4, 300],
        [5, 100],
        [6, 9],
        [7, 1_700_000_000_000],
        [8, true],
      ],
    ],
  ],
  reportUse: [
    [1, 'a/name'],
    [2, DIGEST],
  ],
  names: [
    [1, 'a/'],
    [2, 'a/name'],
    [3, 100],
    [4, '/'],
    [6, true],
  ],
  contents: [[1, DIGEST]],
  storeContents: [
    [1, true],
    [2, 3],
    [3, 30],
    [4, 100],
    [5, 70],
    [6, 0],
    [7, 1],
    [8, 10],
    [9, DIGEST],
  ],
  named: [
    [
      1,
      [
        [1, 'a/name'],
        [2, DIGEST],
      ],
    ],
    [
      1,
      [
        [1, 'a/b/'],
        [7, 30],
        [8, true],
        [9, 3],
      ],
    ],
    [2, true],
    [3, 'a/b/c'],
  ],
  watch: [
    [1, POSITION],
    [2, 100],
    [3, 100],
  ],
  watched: [
    [1, POSITION],
    [
      2,
      [
        [1, 8],
        [2, 'put'],
        [3, DIGEST],
        [4, 'a/name'],
        [5, 5],
      ],
    ],
    [3, true],
  ],
  invite: [
    [1, DIGEST],
    [2, 'writer'],
    [3, 1],
    [4, 86_400_000],
  ],
  invited: [
    [1, '/ip4/127.0.0.1/tcp/1'],
    [2, 1_700_000_000_000],
  ],
  admit: [
    [1, MEMBER],
    [2, 'reader'],
  ],
  admitted: [],
  expel: [
    [1, MEMBER],
    [2, 5000],
  ],
  members: [
    [1, MEMBER],
    [2, 100],
  ],
  memberPage: [
    [
      1,
      [
        [1, MEMBER],
        [2, 'admin'],
        [3, true],
        [4, 1_700_000_000_000],
      ],
    ],
    [2, true],
  ],
  hold: [
    [1, HOLD],
    [2, true],
  ],
  held: [],
  present: [
    [1, HOLD],
    [2, ITEM],
    [2, ITEM],
  ],
  presentAnswer: [[1, Uint8Array.of(1, 0)]],
  makeDirectories: [
    [1, HOLD],
    [2, DIGEST],
  ],
  madeDirectories: [[1, [[1, ITEM]]]],
  commitTree: [
    [1, HOLD],
    [2, DIGEST],
    [3, 'a/name'],
  ],
}

const RANGES: readonly Field[] = [
  [1, 70_000],
  [2, 100_000],
]

export const TRANSFER_SAMPLES: Readonly<Record<TransferKind, readonly Field[]>> = {
  fetch: [
    [1, DIGEST],
    [
      2,
      [
        [1, 0],
        [2, 16_384],
      ],
    ],
    [2, RANGES],
  ],
  found: [
    [1, 100_000],
    [2, RANGES],
  ],
  upload: [
    [1, DIGEST],
    [2, 100_000],
    [3, 16_384],
    [4, 'a/name'],
  ],
  accept: [[1, 16_384]],
  received: [[1, 50_000]],
  piece: [[1, 34_664]],
  finish: [
    [1, DIGEST],
    [2, 100_000],
  ],
  stored: [
    [1, 3],
    [2, true],
  ],
  failure: [
    [1, 'integrity'],
    [2, 'why'],
  ],
  join: [
    [1, DIGEST],
    [2, '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'],
  ],
  holders: [[1, '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X']],
}
