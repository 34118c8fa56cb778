import { test } from '../../../serial.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

test('R004-133: moves, expired names and removed targets are counted since the start', (t) => {
  const machine = new Machine()
  for (let i = 0; i < 700; i++) machine.tick(1000)
  const put = (
    n: number,
    name: string,
    naming: { tag?: boolean; expiresMs?: number; keepMs?: number },
  ) => machine.answer({ type: 'put', values: [valueOf(n)], name, naming })
  put(1, 'tag', { tag: true, keepMs: 1000 })
  put(2, 'tag', { tag: true, keepMs: 1000 })
  const move = { type: 'rebind', name: 'tag', digest: digestOf(2) } as const
  machine.answer({ ...move, naming: { expiresMs: 3_600_000 } })
  put(3, 'short', { expiresMs: 1000 })
  put(3, 'short too', { expiresMs: 1000 })
  machine.put(4)
  machine.answer({ type: 'rebind', name: 'tag', digest: digestOf(4), naming: { keepMs: 1000 } })
  t.deepEqual(machine.index.nameCounts, { moves: 2, expired: 0, replaced: 0 })
  machine.tick(1000)
  t.deepEqual(machine.index.nameCounts, { moves: 2, expired: 2, replaced: 2 })
  machine.start({}, 1)
  t.deepEqual(machine.index.nameCounts, { moves: 0, expired: 0, replaced: 0 })
})
