/** A whole daemon under strace: what a client is told over HTTP, the disk was told before. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { test } from '../serial.ts'
import { Client } from '../../src/daemon/client/client.ts'
import { MIB } from '../../src/limits.ts'
import { BUNDLE, Place } from '../cli/command.ts'
import { once as stream } from '../node/nodes.ts'
import { Trace, isStraceInstalled, parseTrace, straceOptions } from '../store/disk/strace.ts'

/** The last two are large: they have files of their own. */
const SIZES = [1, 100, 16 * 1024, 100_000, 3 * MIB]

test('R005-31, R005-33: a daemon answers a put when its file, its directory and its entry are durable, in this order', async (t) => {
  if (!isStraceInstalled()) {
    t.log('SKIPPED: strace is not installed')
    t.pass()
    return
  }
  const place = new Place(t)
  const output = place.file('trace')
  const daemon = spawn(
    'strace',
    [...straceOptions(output), process.execPath, BUNDLE, 'daemon', '--dir', place.state],
    { stdio: ['ignore', 'pipe', 'ignore'], env: place.env() },
  )
  t.teardown(() => daemon.kill('SIGKILL'))
  for await (const _ of createInterface({ input: daemon.stdout })) break
  const client = (await Client.connect(join(place.state, 'dstore.sock')))!
  const keys: string[] = []
  for (const size of SIZES) {
    // A name goes in the same commit.
    const { key } = await client.putBytes(stream(randomBytes(size)), size, { name: `of ${size}` })
    keys.push(key)
  }
  await client.remove(keys.at(-1)!, true)
  client.close()
  const ended = once(daemon, 'close')
  t.is((await place.run(['stop'])).exit, 0)
  await ended

  const traced = new Trace(parseTrace(readFileSync(output, 'utf8')))
  const answers = traced.calls.filter(({ name, args }) => {
    return name.startsWith('write') && args.includes('HTTP/1.1 201')
  })
  t.is(answers.length, SIZES.length)
  const renames = traced.calls.filter(({ name }) => name.startsWith('rename'))
  const parts = renames.flatMap(({ args }) => /\/(\w+)\.part", /.exec(args)?.[1] ?? [])
  t.is(parts.length, 2)
  let before = 0
  for (const [i, answer] of answers.entries()) {
    const append = traced.appendBefore(answer)
    t.true(append.began > before, 'an entry of its own')
    t.true(traced.isDurable(append), 'the entry was durable when it was written')
    before = answer.ended
    const part = parts[i - (SIZES.length - parts.length)]
    if (part === undefined) continue
    const { written, synced, rename, directorySynced } = traced.fileSteps(`${part}.part`)
    t.true(written.ended < synced.began && synced.ended < rename.began)
    t.true(rename.ended < directorySynced.began && directorySynced.ended < append.began)
  }
  const removal = traced.calls.find(({ name, args }) => {
    return name.startsWith('write') && args.includes('HTTP/1.1 200')
  })!
  const unlink = traced.unlinkOf(parts.at(-1)!)!
  t.true(traced.appendBefore(removal).ended < unlink.began && unlink.ended < removal.began)
})
