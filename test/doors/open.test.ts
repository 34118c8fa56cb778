/** Which doors are open, and what a closed one costs. */
import { test } from '../serial.ts'
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { DOOR_NAMES, DOOR_ROOTS } from '../../src/daemon/config/door-settings.ts'
import type { DoorName } from '../../src/daemon/config/door-settings.ts'
import { doorAt } from '../../src/daemon/http/doors/door.ts'
import { SILENT } from '../../src/log.ts'
import { openDoors } from '../../src/doors/doors.ts'
import { ask, temporaryDirectory, type Answer } from '../daemon/serving.ts'
import { FakeNode } from '../daemon/fake-node.ts'
import { treeServing } from '../daemon/tree-serving.ts'

const problemOf = ({ body }: Answer): Record<string, unknown> =>
  JSON.parse(body.toString()) as Record<string, unknown>

test('R010-1 a closed door is 404 with the setting that opens it', async (t) => {
  const { daemon } = await treeServing(t)
  for (const name of DOOR_NAMES) {
    for (const root of DOOR_ROOTS[name]) {
      for (const path of [root, `${root}/`, `${root}/a/b`]) {
        const answer = await ask(daemon.socket, 'GET', path)
        t.is(answer.status, 404, path)
        t.is(answer.headers['content-type'], 'application/problem+json')
        t.like(problemOf(answer), {
          detail: `the door ${name} is closed`,
          hint: `start the daemon with --door ${name}`,
        })
      }
      t.is(problemOf(await ask(daemon.socket, 'GET', `${root}x`))['hint'], undefined)
    }
  }
})

test('R010-1 a daemon opens the doors that its settings name, and no others', async (t) => {
  const { daemon } = await treeServing(t, { doors: ['dav', 'cache'] })
  t.is((await ask(daemon.socket, 'OPTIONS', '/dav/')).status, 200)
  t.is((await ask(daemon.socket, 'GET', '/cache/space/none')).status, 404)
  t.like(problemOf(await ask(daemon.socket, 'GET', '/hf/x')), {
    detail: 'the door hf is closed',
    // Without the others, the flag would close them.
    hint: 'start the daemon with --door cache,hf,dav',
  })
  const status = await ask(daemon.socket, 'GET', '/v1/status')
  const { doors } = problemOf(status)['daemon'] as { doors: string[] }
  t.deepEqual(doors, ['/dav', '/cache', '/turbo', '/nx'])
})

test('R010-1 each door serves the paths that are known as its own', async (t) => {
  for (const name of DOOR_NAMES) {
    const doors = await openDoors([name], { node: new FakeNode(), log: SILENT })
    t.deepEqual(
      doors.map(({ root }) => root),
      DOOR_ROOTS[name],
    )
    for (const { methods } of doors) t.is(methods['GET'], 'reader', name)
  }
})

/** The folders of doors whose code a process has loaded that opened these. */
function loadedBy(t: ExecutionContext, names: readonly DoorName[]): string[] {
  const coverage = temporaryDirectory(t)
  const opener = new URL('../../src/doors/doors.js', import.meta.url).href
  const script = `
    const { openDoors } = await import('${opener}')
    await openDoors(${JSON.stringify(names)}, { node: {}, log: {} })
  `
  const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_V8_COVERAGE: coverage },
  })
  t.is(status, 0)
  const [file = ''] = readdirSync(coverage)
  const urls = readFileSync(join(coverage, file), 'utf8').matchAll(/\/src\/doors\/(\w+)\//g)
  return [...new Set([...urls].map(([, door]) => door!))].toSorted()
}

test('R010-1 the code of a closed door is not loaded', (t) => {
  t.deepEqual(loadedBy(t, []), [])
  t.deepEqual(loadedBy(t, ['dav']), ['dav'])
  t.deepEqual(loadedBy(t, ['cache', 'ipfs']), ['cache', 'ipfs'])
})

test('a door has the paths below its root, and none beside it', async (t) => {
  const doors = await openDoors(['dav'], { node: new FakeNode(), log: SILENT })
  t.is(doorAt(doors, '/dav')?.rest, '')
  t.is(doorAt(doors, '/dav/')?.rest, '/')
  t.is(doorAt(doors, '/dav/a%2Fb')?.rest, '/a%2Fb')
  for (const path of ['/da', '/davx', '/dav%2f', '/x/dav', '/']) {
    t.is(doorAt(doors, path), undefined, path)
  }
})
