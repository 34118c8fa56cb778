/** The way of a newcomer from a packed tarball, with npm's registry: `npm run test:stranger`. */
import { test } from '../serial.ts'
import { newcomer } from './newcomer.ts'
import { line, table } from './report.ts'

test('a stranger installs the packed tarball, uses it on two machines, and removes it', async (t) => {
  const outcome = await newcomer(t, { from: 'npm' }, (step) => t.log(line(step)))
  if ('why' in outcome) {
    t.log(`not tried, as ${outcome.why}`)
    t.pass()
    return
  }
  t.log(table(outcome.walk, outcome.title))
  t.deepEqual(outcome.walk.steps.faults, [])
})
