import { faultIn, jsonIn, messageIn, streamInfoIn } from '../../../src/journal/nats/answers.ts'
import { checkVersion } from '../../../src/journal/nats/servers.ts'
import {
  checkPayload,
  checkStream,
  namesOf,
  streamConfig,
} from '../../../src/journal/nats/stream.ts'
import { test } from '../../serial.ts'

const NAMES = namesOf('one')
const CONFIG = { ...streamConfig(NAMES, 0) }

const check = (changes: object, isTest = false): void =>
  checkStream('nats://h', NAMES, { ...CONFIG, ...changes }, { isTest })

test('R009-83 a stream with a setting that may lose entries is refused, and which one is said', (t) => {
  t.notThrows(() => check({}))
  t.notThrows(() => check({ num_replicas: 5, max_bytes: 1e9, mirror: null, sources: [] }))
  t.notThrows(() => check({ max_age: undefined, sealed: false, max_msg_size: -1 }))
  const wrong = {
    storage: 'memory',
    retention: 'workqueue',
    discard: 'old',
    deny_delete: false,
    max_msgs: 1000,
    max_msgs_per_subject: 1,
    max_age: 1,
    allow_rollup_hdrs: true,
    allow_msg_ttl: true,
    deny_purge: true,
    mirror: {},
    no_ack: true,
    republish: {},
    sealed: true,
    sources: [{}],
    subject_transform: {},
    persist_mode: 'async',
    allow_direct: false,
    subjects: [NAMES.entries],
    max_msg_size: 1000,
    num_replicas: 1,
  }
  for (const [setting, value] of Object.entries(wrong)) {
    const error = t.throws(() => check({ [setting]: value }), undefined, setting)
    t.like(error, { code: 'incompatible' })
    t.true(error.message.includes(` has ${setting} ${JSON.stringify(value)}, and needs `), setting)
  }
  t.notThrows(() => check({ num_replicas: 1 }, true))
  t.throws(() => check({ storage: 'memory' }, true))
})

test('R009-83 a journal that begins later has a first sequence', (t) => {
  t.is((streamConfig(NAMES, 7) as { first_seq?: number }).first_seq, 8)
  t.false('first_seq' in CONFIG)
})

test('R009-84 servers that are too old, or take too little, are refused', (t) => {
  for (const version of ['2.15.1', '2.15.2', '2.16.0', '3.0.0', '2.15.1-RC.1']) {
    t.notThrows(() => checkVersion('nats://h', 'n1', version), version)
  }
  for (const version of ['2.15.0', '2.14.9', '1.99.99', '', 'x', '2.15']) {
    t.throws(() => checkVersion('nats://h', 'n1', version), { message: /n1 has version/ }, version)
  }
  t.notThrows(() => checkPayload('nats://h', 1024 * 1024))
  t.throws(() => checkPayload('nats://h', 512 * 1024), { message: /max_payload 524288/ })
  t.throws(() => checkPayload('nats://h', undefined))
})

test('R009-85 a leader counts that hears from a majority, and says where the stream ends', (t) => {
  const info = (cluster: object | undefined, state: object = {}): ReturnType<typeof streamInfoIn> =>
    streamInfoIn('nats://h', {
      cluster,
      state: { first_seq: 3, last_seq: 5, messages: 3, ...state },
    })
  const heard = { name: 'b', active: 1000 }
  const silent = { name: 'c', active: 4e9 }
  const offline = { name: 'd', active: 1000, offline: true }
  t.true(info(undefined).isHeard)
  t.true(info({ leader: 'a', replicas: [heard, silent] }).isHeard)
  t.false(info({ leader: 'a', replicas: [silent, silent] }).isHeard)
  t.false(info({ leader: 'a', replicas: [offline, silent] }).isHeard)
  t.false(info({ leader: 'a', replicas: [heard, offline, silent, silent] }).isHeard)
  t.false(info({ leader: 'a', replicas: [{ name: 'b' }, { name: 'c', active: 'x' }] }).isHeard)
  t.deepEqual(info({ leader: 'a', replicas: [heard, silent] }).members, ['a', 'b', 'c'])
  t.deepEqual(info(undefined).extent, { first: 3, last: 5 })
  t.deepEqual(info(undefined, { messages: 0 }).extent, { first: 6, last: 5 })
  for (const state of [
    { last_seq: -1 },
    { last_seq: '5' },
    { first_seq: 2 ** 53 },
    { last_seq: 0.5 },
  ]) {
    t.throws(() => info(undefined, state), { message: /no whole number/ })
  }
})

test('R009-80 answers that are none are refused', (t) => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  t.throws(() => jsonIn('nats://h', bytes('x')), { message: /no JSON/ })
  t.deepEqual(jsonIn('nats://h', bytes('null')), {})
  t.is(faultIn({}), undefined)
  t.deepEqual(faultIn({ error: { code: 503, description: 'd'.repeat(1000) } }), {
    code: 503,
    description: 'd'.repeat(200),
  })
  t.deepEqual(messageIn('nats://h', { message: { seq: 1, subject: 's', data: 'AQI=' } }), {
    sequence: 1,
    subject: 's',
    data: Uint8Array.of(1, 2),
  })
  t.throws(() => messageIn('nats://h', {}))
})
