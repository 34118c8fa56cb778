/** The launcher of the self-contained package, with a Node that tells what it was given. */
import { test } from '../../serial.ts'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { ROOT } from '../tree.ts'

const NODE = `#!/bin/sh
printf '%s\\n' "$DSTORE_CLOSED" "$$" "$0" "$@" >&2
exit 7
`

interface Run {
  readonly exit: number | null
  readonly closed: string
  /** Do the report and the program name the same process? */
  readonly isSameProcess: boolean
  readonly node: string
  readonly args: string[]
}

/** A package in a folder with an awkward name; `run` is a shell's script, `$C` the command. */
function unpacked(t: ExecutionContext, name = "it's a $folder with  spaces"): Unpacked {
  const base = mkdtempSync(join(tmpdir(), 'dstore-launcher-'))
  t.teardown(() => rmSync(base, { recursive: true }))
  const folder = join(base, name)
  mkdirSync(join(folder, 'bin'), { recursive: true })
  mkdirSync(join(folder, 'lib'))
  const launcher = join(folder, 'bin/dstore')
  copyFileSync(join(ROOT, 'packaging/self-contained/dstore'), launcher)
  writeFileSync(join(folder, 'lib/node'), NODE, { mode: 0o755 })
  const run = (script: string, command = launcher, cwd = base): Run => {
    const env = { PATH: '', C: command }
    const { status, stderr } = spawnSync('/bin/sh', ['-c', script], { cwd, env, encoding: 'utf8' })
    const [report = '', pid, node = '', ...args] = stderr.trimEnd().split('\n')
    const [teller, closed = stderr] = report.split(':')
    return { exit: status, closed, isSameProcess: teller === pid, node, args }
  }
  return { base, folder, run }
}

interface Unpacked {
  readonly base: string
  readonly folder: string
  readonly run: (script: string, command?: string, cwd?: string) => Run
}

test('R007-170 the launcher starts the Node beside it, with every argument as it was', (t) => {
  const { folder, run } = unpacked(t)
  const { exit, isSameProcess, node, args } = run(`"$C" 'a  b' '' '*' '-x' "it's"`)
  t.deepEqual([exit, isSameProcess], [7, true])
  t.is(node, join(folder, 'bin') + '/../lib/node')
  t.deepEqual(args, [`${folder}/bin/../lib/dist/dstore.cjs`, 'a  b', '', '*', '-x', "it's"])
})

test('R007-170 the launcher follows links, with nothing in PATH', (t) => {
  const { base, folder, run } = unpacked(t)
  mkdirSync(join(base, 'bin'))
  symlinkSync(join(folder, 'bin/dstore'), join(base, 'bin/absolute'))
  symlinkSync('absolute', join(base, 'bin/chained'))
  symlinkSync(`../bin/chained`, join(base, 'bin/-dashed'))
  symlinkSync('bin', join(base, 'folder'))
  for (const link of ['bin/absolute', 'bin/chained', 'bin/-dashed', 'folder/chained']) {
    t.is(run('"$C"', join(base, link)).node, `${folder}/bin/../lib/node`, link)
    t.is(run('"$C"', `./${link}`).node, `${folder}/bin/../lib/node`, `relative ${link}`)
  }
  t.is(run('/bin/sh chained', '', join(base, 'bin')).node, `${folder}/bin/../lib/node`)
})

test('R007-170 the launcher works from a folder whose name ends with a line break', (t) => {
  const { base, run, folder } = unpacked(t, 'broken\n')
  symlinkSync(join(folder, 'bin/dstore'), join(base, 'link'))
  t.is(run('"$C"').exit, 7)
  t.is(run('"$C"', join(base, 'link')).exit, 7)
  symlinkSync(folder, join(base, 'other\n'))
  symlinkSync('other\n/bin/dstore', join(base, 'second\n'))
  symlinkSync('second\n', join(base, 'third'))
  t.is(run('"$C"', join(base, 'third')).exit, 7)
})

test('R007-98 the launcher reports the streams that were closed, and no others', (t) => {
  const { base, folder, run } = unpacked(t)
  symlinkSync(join(folder, 'bin/dstore'), join(base, 'link'))
  const cases = { '': '', '<&-': '0', '>&-': '1', '<&- >&-': '01', '</dev/null >/dev/null': '' }
  for (const command of [join(folder, 'bin/dstore'), join(base, 'link')]) {
    for (const [streams, closed] of Object.entries(cases)) {
      const found = run(`"$C" ${streams}`, command)
      t.is(found.closed, closed, `${command} ${streams}`)
      t.true(found.isSameProcess)
    }
  }
})
