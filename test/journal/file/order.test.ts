/** `kill -9` does not test a sync; this does: the order of calls to the kernel, seen by strace. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DISK } from '../../disk.ts'
import { test } from '../../serial.ts'
import { type Call, isStraceInstalled, parseTrace } from '../../store/disk/strace.ts'

const CALLS =
  'write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,openat,unlink'

async function trace(): Promise<readonly Call[]> {
  const parent = await mkdtemp(join(DISK, 'dstore-journal-'))
  try {
    const output = join(parent, 'trace')
    const script = fileURLToPath(new URL('processes/traced-process.js', import.meta.url))
    const options = ['-f', '-y', '-s', '100', '-o', output, '-e', `trace=${CALLS}`]
    const node = [process.execPath, script, join(parent, 'journal')]
    execFileSync('strace', [...options, ...node], { stdio: 'ignore' })
    return parseTrace(await readFile(output, 'utf8'))
  } finally {
    await rm(parent, { recursive: true })
  }
}

const isWrite = ({ name, args }: Call): boolean =>
  name.includes('write') && /\.(segment|spare)>/.test(args)
const isDirectorySync = ({ name, args }: Call): boolean =>
  name === 'fsync' && args.endsWith('/journal>')

test('R009-43, R009-46: an append is one write with O_DSYNC to what was written with zeros and synced', async (t) => {
  if (!isStraceInstalled()) {
    t.log('SKIPPED: strace is not installed')
    t.pass()
    return
  }
  const calls = await trace()
  const answers = calls.filter(
    ({ name, args }) => name === 'write' && args.includes('answered append'),
  )
  t.is(answers.length, 6)
  let before = 0
  for (const answer of answers) {
    const between = calls.filter(({ began, ended }) => began > before && ended < answer.began)
    const written = between.filter(isWrite).at(-1)!
    t.truthy(written, 'a write before each answer')
    const descriptor = written.args.split('<')[0]!
    const opened = calls.findLast(
      ({ name, args, ended }) =>
        name === 'openat' &&
        args.includes('.spare"') &&
        args.includes('O_DSYNC') &&
        ended < written.began,
    )!
    t.truthy(opened, `descriptor ${descriptor} was opened with O_DSYNC`)
    before = answer.ended
  }
  // Each segment: zeros, synced, renamed to a spare; its head, durable; its name, durable; entries.
  const renames = calls.filter(
    ({ name, args }) => name.startsWith('rename') && args.includes('.segment"'),
  )
  const begun = renames.filter(({ args }) => /\.spare", .*\.segment"/.test(args))
  t.true(begun.length >= 2)
  for (const rename of begun) {
    const [, spare, segment] = /(\w+\.spare)", .*?(\w+\.segment)"/.exec(rename.args)!
    const unfinished = spare!.replace('.spare', '.new')
    const zeros = calls.findLast(
      ({ name, args }) => name.includes('write') && args.includes(`${unfinished}>`),
    )!
    const synced = calls.find(
      ({ name, args }) => name === 'fdatasync' && args.includes(`${unfinished}>`),
    )!
    const named = calls.find(
      ({ name, args }) => name.startsWith('rename') && args.includes(`${unfinished}"`),
    )!
    const head = calls.find(
      ({ name, args }) =>
        name.includes('write') && args.includes(`${spare}>`) && args.includes('dstore-j'),
    )!
    const directory = calls.find((call) => isDirectorySync(call) && call.began > rename.ended)!
    const entry = calls.find(
      ({ name, args }) =>
        name.includes('write') && args.includes(`${segment}>`) && args.includes('jent'),
    )!
    t.true(zeros.ended < synced.began && synced.ended < named.began, 'zeros, synced, named')
    t.true(named.ended < head.began && head.ended < rename.began, 'named, its head, renamed')
    t.true(rename.ended < directory.began && directory.ended < entry.began, 'renamed, synced, used')
  }
  // A segment that is trimmed: renamed or deleted, and that is durable before the answer.
  const answer = calls.find(({ name, args }) => name === 'write' && args.includes('answered trim'))!
  const freed = calls.filter(({ name, args }) =>
    name.startsWith('rename')
      ? /\.segment", .*\.spare"/.test(args)
      : name.startsWith('unlink') && args.includes('.segment"'),
  )
  t.true(freed.length > 0)
  for (const call of freed) {
    t.true(
      calls.some(
        (one) => isDirectorySync(one) && one.began > call.ended && one.ended < answer.began,
      ),
    )
  }
})
