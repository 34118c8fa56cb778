/** Eight large puts at once over a slow link: eleven minutes, most of them spent waiting. */
import { test } from '../serial.ts'
import { MIB } from '../../src/limits.ts'
import { putAtOnce, slowLink } from './slow-link.ts'

if (process.platform === 'linux') {
  for (const lanes of [true, false]) {
    test(`R003-117: eight puts of 2 MiB at once over 0.2 Mbit/s succeed, by ${lanes ? 'lanes' : 'streams'}`, async (t) => {
      t.timeout(1_500_000)
      await putAtOnce(t, await slowLink(t, { bytesPerSecond: 25_000, lanes }), 8, 2 * MIB, [])
    })
  }
}
