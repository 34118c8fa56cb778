import type { BucketJournalRules } from '../../../../src/journal/bucket/rules.ts'
import { test } from '../../../serial.ts'
import { runBucketJournal } from './bucket-world.ts'

const SCHEDULES = Number(process.env['DSTORE_RUNS'] ?? 600)

test(`R009-60 to R009-67: ${SCHEDULES} schedules of stale writers, trims and late requests`, async (t) => {
  for (let seed = 1000; seed < 1000 + SCHEDULES; seed++) {
    const { violation, transcript } = await runBucketJournal(seed)
    t.is(violation, undefined, [`seed ${seed}`, ...transcript.slice(-60)].join('\n'))
  }
})

/** A schedule from this seed on, among so many, in which each rule is missed. */
const TEETH: Readonly<Record<keyof BucketJournalRules, readonly [number, number]>> = {
  looksBack: [1, 60],
  comparesBefore: [35_390, 1],
  verifiesReads: [1, 60],
  keepsFollowed: [1, 150],
  trimsInOrder: [1, 100],
}

for (const [rule, [first, count]] of Object.entries(TEETH)) {
  test(`without ${rule} a schedule goes wrong`, async (t) => {
    for (let seed = first; seed < first + count; seed++) {
      const { violation } = await runBucketJournal(seed, { switched: { [rule]: false } })
      if (violation === undefined) continue
      t.pass(`seed ${seed}: ${violation}`)
      return
    }
    t.fail(`${count} schedules from seed ${first} on find nothing`)
  })
}
