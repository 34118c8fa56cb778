/** `kill -9` does not test a sync; this does: the order of calls to the kernel, seen by strace. */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type Call, parseTrace } from './strace.ts'
import { inTemporary } from './temporary.ts'

const CALLS =
  'write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat'

function isInstalled(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The calls of the traced process, undefined where it cannot be traced here. */
async function trace(): Promise<readonly Call[] | undefined> {
  if (!isInstalled()) return undefined
  return inTemporary(async (directory) => {
    const output = join(directory, 'trace')
    const script = fileURLToPath(new URL('processes/traced-process.js', import.meta.url))
    const node = [process.execPath, script, join(directory, 'store')]
    const options = ['-f', '-y', '-s', '100', '-o', output, '-e', `trace=${CALLS}`]
    execFileSync('strace', [...options, ...node], { stdio: 'ignore' })
    return parseTrace(await readFile(output, 'utf8'))
  })
}

test('R005-31, R005-33, R005-34: write, sync, rename, sync, commit, sync, answer; unlink after the commit', async (t) => {
  const calls = await trace()
  if (calls === undefined) {
    t.log('SKIPPED: strace is not installed')
    t.pass()
    return
  }
  const isWrite = ({ name }: Call): boolean => name.includes('write')
  const isSync = ({ name }: Call): boolean => name === 'fsync' || name === 'fdatasync'
  const isData = ({ args }: Call): boolean => args.includes('/data.mdb>')
  const isSynced = (call: Call): boolean => isSync(call) && isData(call)
  // LMDB writes a meta page through a descriptor of its own, which syncs every write; the rest through the other one.
  const descriptor = ({ args }: Call): string => args.split('<')[0]!
  const pagesDescriptor = descriptor(calls.find(isSynced)!)
  const isPages = (call: Call): boolean =>
    isWrite(call) && isData(call) && descriptor(call) === pagesDescriptor
  const isMeta = (call: Call): boolean =>
    isWrite(call) && isData(call) && descriptor(call) !== pagesDescriptor
  const answers = calls.filter(({ name, args }) => name === 'write' && args.includes('answered'))
  t.is(answers.length, 7)
  for (const answer of answers) {
    const [, act, size, location] = /answered (put|remove) ?(large|small)? (\w+)/.exec(answer.args)!
    const pages = calls.findLast((call) => isPages(call) && call.ended < answer.began)!
    const synced = calls.find((call) => isSynced(call) && call.began > pages.ended)!
    const meta = calls.find((call) => isMeta(call) && call.began > synced.ended)!
    t.true(meta.ended < answer.began, 'pages, their sync, the meta page, then the answer')
    if (act === 'remove') {
      const unlink = calls.find(
        ({ name, args }) => name.startsWith('unlink') && args.includes(`/${location}"`),
      )!
      t.true(meta.ended < unlink.began && unlink.ended < answer.began)
    }
    if (size !== 'large') continue
    const file = `${location}.part`
    const written = calls.findLast((call) => isWrite(call) && call.args.includes(file))!
    const fileSync = calls.find((call) => isSync(call) && call.args.includes(file))!
    const rename = calls.find(
      ({ name, args }) => name.startsWith('rename') && args.includes(`${file}"`),
    )!
    const directorySync = calls.find(
      (call) => isSync(call) && call.args.endsWith('/values>') && call.began > rename.ended,
    )!
    t.true(written.ended < fileSync.began, 'written, then synced')
    t.true(fileSync.ended < rename.began, 'synced, then renamed')
    t.true(directorySync.ended < pages.began, 'directory synced, then committed')
  }
})
