/** A removal as it reaches the machines, told by the events of Global. */
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import type { EventUpdate } from '../../src/daemon/api/events.ts'
import { network } from './nodes.ts'

/** The last state of each member and section that the events told. */
class Told {
  readonly members = new Map<string, NonNullable<EventUpdate['members']>['changed'][number]>()
  removals: NonNullable<EventUpdate['removals']>['removals'] = []

  async follow(updates: AsyncIterable<EventUpdate>): Promise<void> {
    for await (const { members, removals } of updates) {
      if (members?.all === true) this.members.clear()
      for (const one of members?.changed ?? []) this.members.set(one.peer, one)
      for (const peer of members?.gone ?? []) this.members.delete(peer)
      if (removals !== undefined) this.removals = removals.removals
    }
  }
}

test('R013-35 R013-37 a Local that is stopped owes a removal, also after the answer, until it goes on', async (t) => {
  const { global, locals } = await network(t, 2)
  const [here, stopped] = locals as [(typeof locals)[0], (typeof locals)[0]]
  const peer = await stopped.peerId()
  const key = (await global.run(['put', '-'], 'hello')).stdout.toString().trim()
  for (const local of locals) t.is(await local.got(key), 'hello')
  const told = new Told()
  await global.ask(async (client) => {
    // It ends with the client.
    void told.follow(client.events.updates()).catch(() => undefined)
    await eventually(() => told.members.get(peer)?.state === 'connected')
    t.like(told.members.get(peer), { owes: 0 })
    await stopped.signal('SIGSTOP')
    t.is((await here.run(['rm', key, '--timeout', '1s'])).exit, 8)
    await eventually((saw) => saw(told.removals)[0]?.owingCount === 1)
    t.like(told.removals[0], { key, acknowledgedCount: 1 })
    t.is(told.removals[0]!.endedAt, undefined)
    t.is(told.removals[0]!.owing.length, 1)
    await eventually((saw) => saw(told.members.get(peer))?.owes === 1)
    t.true(told.members.get(peer)!.behind! >= 1)
    await stopped.signal('SIGCONT')
    await eventually((saw) => saw(told.removals)[0]?.endedAt !== undefined)
    t.like(told.removals[0], { acknowledgedCount: 2, owingCount: 0, owing: [] })
    await eventually((saw) => saw(told.members.get(peer))?.owes === 0)
  })
})
