import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '../../serial.ts'
import type { FollowedRemoval, MemberActivity } from '../../../src/node/activity/node-activity.ts'
import type { ServedNode } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes, once, read } from '../nodes.ts'

const removalsOf = (node: ServedNode): FollowedRemoval[] => node.activity!.removals!()
const memberOf = (node: ServedNode, peer: string): MemberActivity =>
  node.activity!.members!().find((one) => one.peer === peer)!

test('R013-35 R013-37 Global tells by label who has acknowledged a removal, and what it served', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const here = await nodes.local(global, { hostName: 'here' })
  const away = await nodes.local(global, { hostName: 'away' })
  const [herePeer, awayPeer] = [(await here.status()).peerId!, (await away.status()).peerId!]
  const { key } = await here.put({ bytes: once(pattern(50_000)) }, { name: 'a/name' })
  await read(away, key)
  t.like(memberOf(global, awayPeer), { state: 'connected', label: 'away', owes: 0 })
  t.true(memberOf(global, awayPeer).bytesServed! >= 50_000)
  t.is(memberOf(global, herePeer).bytesServed, 0)
  await t.notThrowsAsync(global.index.remove(key, { force: true, timeoutMs: 60_000 }))
  const [removal] = removalsOf(global)
  t.like(removal, { key: key.toString(), name: 'a/name', owingCount: 0, owing: [] })
  t.deepEqual(removal!.acknowledged.toSorted(), ['away', 'here'])
  t.truthy(removal!.endedAt)
})

test('R013-35 the unbinding of a name is followed as well; a standalone node has nobody to wait for', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const { key } = await local.put({ bytes: once(pattern(10)) }, { name: 'one' })
  await local.index.bind('two', key)
  await local.index.unbind('one', { timeoutMs: 60_000 })
  await eventually((saw) => saw(removalsOf(global)[0])?.endedAt !== undefined)
  t.like(removalsOf(global)[0], { key: key.toString(), name: 'one', acknowledgedCount: 1 })
  const alone = await nodes.open({ role: 'standalone' })
  t.is(alone.activity!.removals, undefined)
  t.is(alone.activity!.members, undefined)
  t.is(local.activity!.members, undefined)
})

test('R013-37 a Local that was lost is away since then, and not since it was admitted', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const peer = (await local.status()).peerId!
  let admittedAt = ''
  for await (const one of global.members.list()) admittedAt = one.since
  const { since } = memberOf(global, peer)
  t.true(Date.parse(since) >= Date.parse(admittedAt))
  await sleep(200)
  t.is(memberOf(global, peer).since, since, 'the same change has the same time')
  const heardAt = Date.now()
  await local.put({ bytes: once(pattern(10)) })
  await local.close()
  await eventually((saw) => saw(memberOf(global, peer)).state === 'away')
  const away = Date.parse(memberOf(global, peer).since)
  t.true(away >= heardAt - 100, `${away - heardAt}`)
})
