import { test } from '../../serial.ts'
import { METRICS } from '../../../src/daemon/http/metrics.ts'
import { NO_REFUSALS } from '../../../src/membership/refusal.ts'
import type { NodeStatus } from '../../../src/node/node.ts'
import { ask, serving } from '../serving.ts'

/** Sample lines by name, labels included. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const match = /^(\w+(?:\{[^}]*\})?) (\S+)$/.exec(line)
    if (match === null) throw new Error(`not a sample: ${line}`)
    found.set(match[1]!, Number(match[2]))
  }
  return found
}

test('R006-49 each member of a Global has a figure by its label, or else its peer id', async (t) => {
  const { daemon, node } = await serving(t)
  const all = [
    { peer: 'p1', label: 'build-7', state: 'connected' },
    { peer: 'p2', label: 'build-8', state: 'away' },
    { peer: 'p3', state: 'connected' },
    { peer: 'p4', label: 'gone', state: 'expelled' },
  ] as const
  const list = async function* (): ReturnType<typeof node.members.list> {
    for (const one of all) yield await Promise.resolve({ ...one, role: 'reader', since: '' })
  }
  Object.defineProperty(node, 'members', { value: { ...node.members, list } })
  const connected = async (): Promise<[string, number][]> => {
    const { body } = await ask(daemon.socket, 'GET', '/metrics')
    return [...samples(body.toString())].filter(([name]) => name.startsWith('dstore_member_'))
  }
  t.deepEqual(await connected(), [], 'only at Global')
  Object.defineProperty(node, 'role', { value: 'global' })
  t.deepEqual(await connected(), [
    ['dstore_member_connected{member="build-7"}', 1],
    ['dstore_member_connected{member="build-8"}', 0],
    ['dstore_member_connected{member="p3"}', 1],
  ])
})

test('R007-67 Prometheus gets every figure of the node, also at the second scrape', async (t) => {
  const { daemon, node } = await serving(t)
  const plain = await node.status()
  const full: NodeStatus = {
    ...plain,
    role: 'global',
    locals: ['a', 'b'],
    members: 4,
    refused: { ...NO_REFUSALS, stranger: 2, role: 3 },
    global: {
      peer: '',
      address: '',
      addresses: [],
      state: 'connected',
      since: '',
      lastHeard: '',
      roundTripMs: 1.5,
    },
    store: {
      kind: 'disk',
      durable: true,
      values: 3,
      valueBytes: 4,
      headroomBytes: 5,
      damaged: 13,
      unfinishedBytes: 14,
      missingHeld: 15,
      seq: 6,
    },
    names: { moves: 16, expired: 17, replaced: 18 },
    pins: { pins: 41, incomplete: 42, usedBytes: 43, budgetBytes: 44 },
    cache: {
      usedBytes: 7,
      budgetBytes: 8,
      values: 9,
      hits: 10,
      misses: 11,
      evictions: 12,
      files: {
        directory: '/cache',
        kind: 'disk',
        budgetBytes: 51,
        usedBytes: 52,
        values: 53,
        evictions: 54,
        heldBytes: 55,
        removedHeldBytes: 56,
      },
    },
    traffic: [
      { peer: 'a', valueBytesIn: 1, valueBytesOut: 2, lies: 3 },
      { peer: 'b', valueBytesIn: 10, valueBytesOut: 20, lies: 30 },
    ],
  }
  node.status = () => Promise.resolve(full)
  for (let scrape = 0; scrape < 2; scrape++) {
    const { status, headers, body } = await ask(daemon.socket, 'GET', '/metrics')
    t.is(status, 200)
    t.regex(headers['content-type']!, /^text\/plain; version=0\.0\.4/)
    const found = samples(body.toString())
    t.is(found.get('dstore_info{role="global",version="0.0.0"}'), 1)
    t.is(found.get('dstore_locals'), 2)
    t.is(found.get('dstore_global_connected'), 1)
    t.is(found.get('dstore_global_round_trip_seconds'), 0.0015)
    t.is(found.get('dstore_members'), 4)
    t.is(found.get('dstore_refused_total'), 5)
    t.is(found.get('dstore_store_headroom_bytes'), 5)
    t.is(found.get('dstore_cache_evictions_total'), 12)
    t.is(found.get('dstore_cache_file_budget_bytes'), 51)
    t.is(found.get('dstore_cache_file_used_bytes'), 52)
    t.is(found.get('dstore_cache_file_values'), 53)
    t.is(found.get('dstore_cache_file_evictions_total'), 54)
    t.is(found.get('dstore_cache_file_held_bytes'), 55)
    t.is(found.get('dstore_cache_file_removed_held_bytes'), 56)
    t.is(found.get('dstore_pins'), 41)
    t.is(found.get('dstore_pins_incomplete'), 42)
    t.is(found.get('dstore_pinned_bytes'), 43)
    t.is(found.get('dstore_tag_moves_total'), 16)
    t.is(found.get('dstore_expired_names_total'), 17)
    t.is(found.get('dstore_replaced_values_removed_total'), 18)
    t.is(found.get('dstore_peer_received_bytes_total'), 11)
    t.is(found.get('dstore_peer_sent_bytes_total'), 22)
    t.is(found.get('dstore_peer_lies_total'), 33)
    t.true(found.get('process_resident_memory_bytes')! > 1e6)
    for (const { name } of METRICS) t.true(found.has(name), name)
  }
})

test('R007-67 figures that a role does not have are left out', async (t) => {
  const { daemon } = await serving(t)
  const found = samples((await ask(daemon.socket, 'GET', '/metrics')).body.toString())
  for (const name of ['dstore_locals', 'dstore_global_connected', 'dstore_store_values']) {
    t.false(found.has(name), name)
  }
  t.is(found.get('dstore_peer_sent_bytes_total'), 0)
})

test('R004-152: each rule has its figures, by its prefix', async (t) => {
  const { daemon, node } = await serving(t)
  const state = { names: 3, size: 40, heldOtherwise: undefined, removed: 5, counting: false }
  const rules = [
    { prefix: 'a/', maxSize: 50, ...state, lastRemovedAt: undefined },
    { prefix: undefined, unusedMs: 60, ...state, names: 0, lastRemovedAt: undefined },
  ]
  const of = (role: 'standalone' | 'local') => ({
    role,
    rules: { list: () => Promise.resolve(rules) },
  })
  Object.assign(node, of('standalone'))
  const found = samples((await ask(daemon.socket, 'GET', '/metrics')).body.toString())
  t.is(found.get('dstore_rule_names{prefix="a/"}'), 3)
  t.is(found.get('dstore_rule_bytes{prefix="a/"}'), 40)
  t.is(found.get('dstore_rule_max_bytes{prefix="a/"}'), 50)
  t.is(found.get('dstore_rule_removed_names_total{prefix="a/"}'), 5)
  t.is(found.get('dstore_rule_names{prefix="(unnamed)"}'), 0)
  t.false(found.has('dstore_rule_max_bytes{prefix="(unnamed)"}'))
  Object.assign(node, of('local'))
  const none = samples((await ask(daemon.socket, 'GET', '/metrics')).body.toString())
  t.false(none.has('dstore_rule_names{prefix="a/"}'))
})
