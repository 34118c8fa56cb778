/** Many puts at once over a link that carries less than any of them wants. */
import { test } from '../serial.ts'
import { KIB } from '../../src/limits.ts'
import { putAtOnce, slowLink } from './slow-link.ts'

/** 0.2 Mbit/s, each way. */
const SLOW = { bytesPerSecond: 25_000 }

// Only Linux has an address for every test, and says who listens where.
if (process.platform === 'linux') {
  test('R003-117: eight puts at once over 0.2 Mbit/s with a time-out of 5 s all succeed, by lanes and by streams', async (t) => {
    const links = [true, false].map((lanes) => slowLink(t, { ...SLOW, lanes }))
    await Promise.all(
      (await Promise.all(links)).map((slow) =>
        putAtOnce(t, slow, 8, 256 * KIB, ['--timeout', '5s']),
      ),
    )
  })
}
