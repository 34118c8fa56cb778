/** What the walk of a newcomer looks at: it must see what is left, and what is not as it should. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import type { Owner } from '../cli/command.ts'
import type { Machine, Ran } from './machine.ts'
import { folderOfNode } from './packed.ts'
import { plainMachines } from './plain.ts'
import { sealedMachines } from './sealed.ts'
import { faultsOf } from './steps.ts'

const NODE = { node: folderOfNode(), npm: [], umask: '027' }
const BARE = { node: undefined, npm: [], umask: '077' }

/** Leaves a file, an empty folder, a process and its socket. */
const LEAVING = `
umask > kept; mkdir -p .empty
node -e 'require("net").createServer().listen(process.env.HOME + "/left.sock")' > /dev/null 2>&1 &
`

/** An owner that a test ends itself, or else its teardown. */
function ending(t: Owner): { owner: Owner; end: () => Promise<void> } {
  const ends: (() => unknown)[] = []
  const end = async (): Promise<void> => {
    for (const one of ends.splice(0).toReversed()) await one()
  }
  t.teardown(end)
  return { owner: { teardown: (one) => void ends.push(one) }, end }
}

async function seesWhatIsLeft(machine: Machine): Promise<string> {
  const { home } = machine
  await machine.write('given', Buffer.from('given'))
  const ran = await machine.run(`${LEAVING} cat given kept`)
  await eventually(async () => (await machine.left()).sockets.length > 0)
  const { paths, processes } = await machine.left()
  const [process, ...others] = processes
  const expected = ['.empty/', 'kept', 'left.sock'].map((name) => `${home}/${name}`)
  if (paths.toSorted().join() !== expected.join()) throw new Error(`left: ${paths.join(' ')}`)
  if (others.length > 0 || process?.startsWith('node -e ') !== true)
    throw new Error(processes.join('; '))
  return ran.stdout
}

test('two folders as machines: what a command leaves is seen, and gone with its machine', async (t) => {
  const { owner, end } = ending(t)
  const [first, second] = plainMachines(owner, [NODE, BARE])
  t.is(await seesWhatIsLeft(first), 'given0027\n')
  t.deepEqual(await second.left(), { paths: [], processes: [], sockets: [] })
  t.is((await second.run('node --version')).exit, 127)
  t.regex((await second.run('ls -d .')).stdout, /^\.$/m)
  await end()
  t.false(existsSync(dirname(first.home)))
  t.deepEqual((await first.left().catch(() => undefined))?.processes ?? [], [])
})

test('machines in namespaces: what a command leaves anywhere is seen, and this machine is untouched', async (t) => {
  const { owner, end } = ending(t)
  const machines = await sealedMachines(owner, [NODE, BARE])
  if (machines === undefined) {
    t.log('no namespaces here: not tried')
    t.pass()
    return
  }
  const [first, second] = machines
  t.is(await seesWhatIsLeft(first), 'given0027\n')
  t.deepEqual(await second.left(), { paths: [], processes: [], sockets: [] })
  t.is((await second.run('node --version || /usr/bin/node --version')).exit, 127)
  const name = `stranger-${process.pid}`
  await second.run(`for folder in /tmp /var/tmp /dev/shm /run; do echo > $folder/${name}; done`)
  const folders = ['/dev/shm', '/run', '/tmp', '/var/tmp']
  t.deepEqual(
    (await second.left()).paths,
    folders.map((folder) => `${folder}/${name}`),
  )
  for (const folder of folders) t.false(existsSync(`${folder}/${name}`))
  await end()
  t.notRegex(readFileSync('/proc/self/mountinfo', 'utf8'), /dstore-stranger-/)
})

const ran = (more: Partial<Ran>): Ran => ({
  exit: 0,
  seconds: 0,
  stdout: '',
  stderr: '',
  ...more,
})

test('a warning, a line too many and a line too few are faults, and so is another exit code', (t) => {
  t.deepEqual(faultsOf(ran({}), {}), [])
  t.deepEqual(faultsOf(ran({ stdout: 'a\nb\n' }), { out: [/^a$/, /^b$/] }), [])
  t.is(faultsOf(ran({ stdout: 'a\nc\n' }), { out: [/^a$/, /^b$/] }).length, 1)
  t.is(faultsOf(ran({ stdout: 'a\n' }), { out: [] }).length, 1)
  t.is(faultsOf(ran({}), { out: [/^a$/] }).length, 1)
  t.is(faultsOf(ran({ stderr: 'npm warn EBADENGINE x\n' }), {}).length, 1)
  t.is(faultsOf(ran({ stderr: 'warning: x\nnote\n' }), { err: 'notes' }).length, 1)
  t.deepEqual(faultsOf(ran({ stderr: 'started\n' }), { err: 'notes' }), [])
  t.is(faultsOf(ran({ exit: 1 }), {}).length, 1)
  t.is(faultsOf(ran({ exit: 'SIGKILL' }), { exit: 137 }).length, 1)
  t.is(faultsOf(ran({ stderr: 'x\n' }), { err: 'notes', says: [/y/] }).length, 1)
})
