/** `kill -9` does not test a sync; this does: the order of calls to the kernel, seen by strace. */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from '../../serial.ts'
import { Trace, isStraceInstalled, parseTrace, straceOptions } from './strace.ts'
import { inTemporary } from '../temporary.ts'

/** The calls of the traced process, undefined where it cannot be traced here. */
async function trace(): Promise<Trace | undefined> {
  if (!isStraceInstalled()) return undefined
  return inTemporary(async (directory) => {
    const output = join(directory, 'trace')
    const script = fileURLToPath(new URL('processes/traced-process.js', import.meta.url))
    const node = [process.execPath, script, join(directory, 'store')]
    execFileSync('strace', [...straceOptions(output), ...node], { stdio: 'ignore' })
    return new Trace(parseTrace(await readFile(output, 'utf8')))
  })
}

test('R005-29, R005-31, R005-33, R005-34: write, sync, rename, sync, append durably, answer; unlink after that', async (t) => {
  const traced = await trace()
  if (traced === undefined) {
    t.log('SKIPPED: strace is not installed')
    t.pass()
    return
  }
  const answers = traced.calls.filter(({ name, args }) => {
    return name === 'write' && args.includes('answered')
  })
  t.is(answers.length, 7)

  for (const answer of answers) {
    const [, act, size, location] = /answered (put|remove) ?(large|small)? (\w+)/.exec(answer.args)!
    const append = traced.appendBefore(answer)
    t.true(traced.isDurable(append), 'the entry was durable when it was written')

    if (act === 'remove') {
      const unlink = traced.unlinkOf(location!)!
      t.true(append.ended < unlink.began && unlink.ended < answer.began)
    }
    if (size !== 'large') continue
    const { written, synced, rename, directorySynced } = traced.fileSteps(`${location}.part`)
    t.true(written.ended < synced.began, 'written, then synced')
    t.true(synced.ended < rename.began, 'synced, then renamed')
    t.true(directorySynced.ended < append.began, 'directory synced, then appended')
  }
})
