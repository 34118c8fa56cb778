/** The install script, killed before and after every single program that it runs. */
import { test } from '../../serial.ts'
import { readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Sandbox } from './sandbox.ts'

/** Wraps every tool, so that the `AT`th of all calls ends the whole run with SIGKILL. */
function wrap(place: Sandbox): () => void {
  const real = new Map(
    readdirSync(place.tools).map((tool) => [tool, readlinkSync(join(place.tools, tool))]),
  )
  for (const [tool, path] of real) {
    place.fake(
      tool,
      `echo >> "$COUNT"
n=0; while read -r _; do n=$((n + 1)); done < "$COUNT"
if [ "$n" = "$AT" ]; then
  [ "$WHEN" = before ] || '${path}' "$@"
  kill -9 0
fi
exec '${path}' "$@"`,
    )
  }
  return () => {
    for (const [tool, path] of real) {
      rmSync(join(place.tools, tool))
      symlinkSync(path, join(place.tools, tool))
    }
  }
}

/** A run that is killed at each of its calls in turn, until one ends by itself. */
const CASES = {
  'a first installation': { before: [] as string[], args: [] },
  'a new version': { before: ['1.0.0'], args: [] },
  'a removal': { before: ['1.0.0'], args: ['--uninstall'] },
}

for (const [what, { before, args }] of Object.entries(CASES)) {
  for (const when of ['before', 'after']) {
    test(`R007-172 ${what} is killed ${when} each program that it runs`, async (t) => {
      t.timeout(1_200_000)
      const place = new Sandbox(t)
      let kills = 0
      for (let at = 1; ; at++) {
        rmSync(place.prefix, { recursive: true, force: true })
        for (const version of before) {
          await place.publish(version)
          t.is(place.run().exit, 0)
        }
        await place.publish('2.0.0')
        const unwrap = wrap(place)
        const COUNT = join(place.path, `count-${at}`)
        const { exit } = place.run(args, { COUNT, AT: String(at), WHEN: when })
        const calls = readFileSync(COUNT, 'utf8').length
        unwrap()
        if (calls < at) {
          t.is(exit, 0)
          break
        }
        kills++
        const found = place.version()
        const possible = what === 'a new version' ? ['1.0.0', '2.0.0'] : [...before, '2.0.0', '']
        t.true(
          possible.some((version) => found === (version && `dstore ${version}\n`)),
          `at ${at}: ${found}`,
        )
        if (args.length === 0) {
          t.is(place.run().exit, 0, `at ${at}`)
          t.is(place.version(), 'dstore 2.0.0\n')
          const installed = readdirSync(join(place.prefix, 'lib/dstore'))
          t.deepEqual(installed.filter((name) => name !== '.made').length, 1)
        }
        t.is(place.run(['--uninstall']).exit, 0)
        // A run killed between making a folder and noting it leaves that folder, empty.
        const folders = ['.local', '.local/bin', '.local/lib', '.local/lib/dstore']
        const left = place.files().filter((path) => !folders.includes(path))
        t.deepEqual(left, [], `at ${at}`)
      }
      t.log(`${kills} kills`)
      t.true(kills > 10)
    })
  }
}
