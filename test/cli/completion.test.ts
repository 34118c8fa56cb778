import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { COMMANDS } from '../../cli/commands.ts'
import { FLAGS } from '../../cli/flags.ts'
import { completionsOf } from '../../cli/commands/completion.ts'
import { namesAndKeys } from '../../cli/completion/names-and-keys.ts'
import { FILES, FOLDERS, SHELLS } from '../../cli/completion/shells.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import type { KeysQuery } from '../../src/daemon/client/lists/list-client.ts'
import { serving } from '../daemon/serving.ts'
import { BUNDLE, Place } from './command.ts'

const NAMES = ['models/v1', 'models/v2', 'other']
const known = (prefix: string): Promise<string[]> =>
  Promise.resolve(NAMES.filter((name) => name.startsWith(prefix)))
const words = async (line: string): Promise<readonly string[]> =>
  completionsOf(line.split(' '), COMMANDS, known)

test('R007-66 commands, flags and names are completed where they may stand', async (t) => {
  t.deepEqual(await words('pu'), ['put'])
  t.deepEqual(await words(''), [...Object.keys(COMMANDS), 'help'])
  t.deepEqual(await words('get mod'), ['models/v1', 'models/v2'])
  t.deepEqual(await words('get models/v1 o'), ['other'])
  t.deepEqual(await words('get --out'), ['--output', '--output-dir'])
  t.deepEqual(await words('help sta'), ['stat', 'start', 'status'])
  t.deepEqual(await words('completion f'), ['fish'])
  t.deepEqual(await words('tag mod'), ['models/v1', 'models/v2'])
  t.deepEqual(await words('put f --tag o'), ['other'])
  t.deepEqual(await words('path --exec mod'), ['models/v1', 'models/v2'])
  t.deepEqual(await words('path other --exec -- mod'), [FILES])
  t.deepEqual(await words('get -- mod'), ['models/v1', 'models/v2'])
  const hyphens = (...line: string[]): Promise<readonly string[]> =>
    completionsOf(line, COMMANDS, () => Promise.resolve(['-dash']))
  t.deepEqual(await hyphens('get', '--', '-d'), ['-dash'])
  t.deepEqual(await hyphens('get', ''), [], 'it would be taken for a flag')
  t.deepEqual(await words('rule '), ['set', 'ls', 'rm'])
  t.deepEqual(await words('rule rm oth'), ['other'])
  t.deepEqual(await words('token a'), ['add'])
  t.deepEqual(await words('token add --role '), ['reader', 'writer', 'admin'])
  t.deepEqual(await words('hf '), ['publish'])
  t.deepEqual(await words('hf publish m a/b --type d'), ['dataset'])
  t.deepEqual(await words('ls -l --sort s'), ['size'])
  t.deepEqual(await words('start --log-level e'), ['error'])
  // Of a command that has no such flag, it is a word like any other.
  t.deepEqual(await words('get --role o'), ['other'])
  for (const line of ['ls --limit mod', 'start --cache 1', 'nonsense mod', '__proto__ m']) {
    t.deepEqual(await words(line), [], line)
  }
})

test('R007-66 values of flags are completed from the table of flags', async (t) => {
  for (const line of [
    'get -o mod',
    'get --output mod',
    'get --files-from ',
    'put mod',
    'import ',
  ]) {
    t.deepEqual(await words(line), [FILES], line)
  }
  for (const line of ['get --dir ', 'get --output-dir x', 'start --cache-dir ']) {
    t.deepEqual(await words(line), [FOLDERS], line)
  }
  t.deepEqual(await words('start --store '), ['disk', 'memory'])
  t.deepEqual(await words('invite --role w'), ['writer'])
  t.deepEqual(await words('put f --name mod'), ['models/v1', 'models/v2'])
  t.deepEqual(await words('join --pin ot'), ['other'])
  t.deepEqual(await words('start --door cache,h'), ['cache,hf'])
  t.deepEqual(await words('completion '), ['bash', 'zsh', 'fish'])
  t.deepEqual(await words('help si'), ['sizes'])
  t.deepEqual(await words('config '), ['show', 'get', 'set', 'unset'])
  t.deepEqual(await words('config set cache'), ['cache', 'cache-dir', 'cache-dir-size'])
  t.deepEqual(await words('config set store '), ['disk', 'memory'])
  t.deepEqual(await words('config set role g'), ['global'])
  t.deepEqual(await words('config set http-public '), ['yes'])
  t.deepEqual(await words('config set door cache,h'), ['cache,hf'])
  for (const line of ['config get store ', 'config set nonsense ', 'config set cache ']) {
    t.deepEqual(await words(line), [], line)
  }
  t.deepEqual(await words('invite --role=r'), ['--role=reader'])
  t.deepEqual(await words('get --output=x'), [FILES])
  for (const [name, { value, takes }] of Object.entries(FLAGS)) {
    if (value === 'DIR') t.is(takes, 'folder', name)
    if (value === 'FILE') t.is(takes, 'file', name)
  }
})

test('R007-66 a search is bounded, asks for keys only if one can match, and closes', async (t) => {
  let asked = 0
  let closed = 0
  const endless = async function* <Item>(item: Item): AsyncGenerator<Item> {
    for (;;) {
      asked++
      yield item
    }
  }
  const client = (name?: string, key?: string): Client =>
    ({
      names: () => (name === undefined ? [] : endless({ name })),
      lists: {
        keys: ({ limit }: KeysQuery) => {
          t.is(limit, 100)
          return key === undefined ? t.fail('keys are asked for') : endless({ key })
        },
      },
      close: () => void closed++,
    }) as unknown as Client
  t.is((await namesAndKeys(client('models/v1'), 'mod')).length, 100)
  t.is((await namesAndKeys(client(undefined, 'bafkr4iaxyz'), 'bafkr4ia')).length, 100)
  asked = 0
  t.deepEqual(await namesAndKeys(client(undefined, 'bafkr4iaxyz'), 'bafkr4ib'), [])
  t.is(asked, 1)
  t.deepEqual(await namesAndKeys(client(), 'bafkr4'), [])
  const failing = {
    names: () => {
      throw new Error('gone')
    },
    close: () => void closed++,
  } as unknown as Client
  await t.throwsAsync(namesAndKeys(failing, 'mod'), { message: 'gone' })
  t.is(closed, 5)
})

test('R007-66 a daemon is asked, and none is started', async (t) => {
  const { directory, node } = await serving(t)
  const place = new Place(t, directory.path)
  const { key } = await node.put({ bytes: [Buffer.from('x')] as never })
  await node.bind('my model', key)
  const ask = async (...line: string[]): Promise<string> =>
    (await place.run(['completion', 'words', '--', ...line])).stdout.toString()
  t.is(await ask('get', 'my'), 'my model\n')
  t.is(await ask('get', 'bafkr4i'), `${key.toString()}\n`)
  t.is(await ask('get', '--dir', place.file('nobody'), 'my'), '')
  const elsewhere = new Place(t, place.file('nobody'))
  t.is((await elsewhere.run(['completion', 'words', '--', 'get', 'my'])).exit, 0)
})

test('R007-66 bash completes by its script, and quotes what it completes', async (t) => {
  const { directory, node } = await serving(t)
  const place = new Place(t, directory.path)
  const { key } = await node.put({ bytes: [Buffer.from('x')] as never })
  await node.bind('my model', key)
  const program = `
    dstore() { '${process.execPath}' dist/dstore.js "$@"; }
    ${SHELLS['bash']!}
    COMP_WORDS=(dstore get my); COMP_CWORD=2; _dstore; printf '%s\\n' "\${COMPREPLY[@]}"
    COMP_WORDS=(dstore ev); COMP_CWORD=1; _dstore; printf '%s\\n' "\${COMPREPLY[@]}"`
  // Not for this process to wait in: the daemon that is asked lives in it.
  const { stdout } = await promisify(execFile)('bash', ['-c', program], { env: place.env() })
  t.is(stdout, 'my\\ model\nevict\n')
})

/** What is typed, the words that bash makes of it, what is asked for, and what is inserted. */
const TYPED: readonly (readonly [line: string, words: string, asked: string, found: string])[] = [
  ['dstore get m', 'm', 'get m', String.raw`my\ model my:tag my\*name`],
  [String.raw`dstore get my\ m`, String.raw`my\ m`, 'get my m', String.raw`my\ model`],
  ['dstore get "my m', '"my m', 'get my m', 'my model'],
  ["dstore get 'my*", "'my*", 'get my*', 'my*name'],
  ['dstore get q', 'q', 'get q', String.raw`q\$x q\'y`],
  ['dstore get "q', '"q', 'get q', "q'y"],
  ["dstore get 'q", "'q", 'get q', 'q$x'],
  ['dstore get my:', 'my|:', 'get my:', 'tag'],
  ['dstore get x:y my:t', 'x|:|y|my|:|t', 'get x:y my:t', 'tag'],
  ['dstore get --role=', '--role|=', 'get --role=', String.raw`reader a\ b`],
  ['dstore get --role=r', '--role|=|r', 'get --role=r', 'reader'],
  ['dstore get --dir ~/d my:t', '--dir|~/d|my|:|t', 'get --dir /h/d my:t', 'tag'],
]

test('R007-66 bash asks for the word that is meant, and inserts what it lacks', (t) => {
  const place = new Place(t)
  // What a pattern may match.
  writeFileSync(place.file('my*name'), '')
  writeFileSync(place.file('my other name'), '')
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
  const all = (words: readonly string[]): string => words.map(quoted).join(' ')
  const known = all(['my model', 'my:tag', 'my*name', 'q$x', "q'y", '--role=reader', '--role=a b'])
  const program = `
    HOME=/h
    dstore() {
      echo "\${*:4}" > asked
      for one in ${known}; do [[ $one == "\${@: -1}"* ]] && echo "$one"; done
    }
    ${SHELLS['bash']!}
    type_line() {
      COMP_LINE=$1; COMP_WORDS=(dstore get "\${@:2}"); COMP_CWORD=$#
      _dstore; cat asked; echo "\${COMPREPLY[*]}"
    }
    ${TYPED.map(([line, words]) => `type_line ${all([line, ...words.split('|')])}`).join('\n')}`
  const { stdout, stderr } = spawnSync('bash', ['-c', program], {
    cwd: place.path,
    env: place.env(),
  })
  t.is(stderr.toString(), '')
  const lines = stdout.toString().split('\n')
  for (const [index, [line, , asked, found]] of TYPED.entries()) {
    t.deepEqual(lines.slice(2 * index, 2 * index + 2), [asked, found], line)
  }
})

test('R007-66 bash completes files, folders and words where a flag takes them', (t) => {
  const place = new Place(t)
  mkdirSync(place.file('folder'))
  writeFileSync(place.file('file'), '')
  const program = `
    dstore() { '${process.execPath}' '${BUNDLE}' "$@"; }
    ${SHELLS['bash']!}
    compopt() { printf '%s ' "$@"; }
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dstore; printf '%s ' "\${COMPREPLY[@]}"; echo; }
    try dstore get -o f; try dstore get --dir f; try dstore start --store ''; try dstore start --cache ''`
  const { stdout } = spawnSync('bash', ['-c', program], { cwd: place.path, env: place.env() })
  t.is(stdout.toString(), '-o default  \n-o dirnames  \ndisk memory \n \n')
})

/** Skips a test, with a line that says so, where the shell is missing. */
function isMissing(t: ExecutionContext, shell: string): boolean {
  if (spawnSync(shell, ['--version']).error === undefined) return false
  t.log(`${shell} is not installed: its script was not tried`)
  t.pass()
  return true
}

const KNOWN = ['my model', 'my:tag', 'my*name', 'q$x', "q'y", 'w"z', 'back\\slash', 'tree/a b/']

/** What is typed before the tab key, and what the line is then. */
const IN_ZSH: readonly (readonly [typed: string, line: string])[] = [
  ['dstore get my\\ ', String.raw`dstore get my\ model `],
  ['dstore get my:', 'dstore get my:tag '],
  ["dstore get 'my m", "dstore get 'my model' "],
  ['dstore get "my m', 'dstore get "my model" '],
  [String.raw`dstore get q\$`, String.raw`dstore get q\$x `],
  [String.raw`dstore get q\'`, String.raw`dstore get q\'y `],
  ['dstore get w', String.raw`dstore get w\"z `],
  ['dstore get b', String.raw`dstore get back\\slash `],
  [String.raw`dstore get 'back\s`, String.raw`dstore get 'back\slash' `],
  ['dstore get tree/', String.raw`dstore get tree/a\ b/`],
  ['dstore get ~/here', 'dstore get ~/here'],
  ['dstore file folder/', String.raw`dstore file folder/a\ b `],
  ['dstore file --output=folder/', String.raw`dstore file --output=folder/a\ b `],
]

test('R007-66 zsh completes what is typed, and quotes what it completes', (t) => {
  if (isMissing(t, 'zsh')) return
  const place = new Place(t)
  mkdirSync(place.file('folder'))
  writeFileSync(place.file('folder/a b'), '')
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
  writeFileSync(
    place.file('setup'),
    `
    dstore() {
      print -rl -- "\${@[4,-1]}" > asked
      [[ $4 == file ]] && { print -r -- $'\\tfiles'; return }
      for one in ${KNOWN.map(quoted).join(' ')}; do
        [[ $one == "\${@[-1]}"* ]] && print -r -- $one
      done
    }
    autoload -Uz compinit; compinit -u -D
    ${SHELLS['zsh']!}
    show() { print -r -- "<<<$BUFFER>>>"; BUFFER= }
    zle -N show; bindkey '^X' show; bindkey '^I' complete-word`,
  )
  const program = `
    zmodload zsh/zpty && zpty -b z zsh -f -i
    until_shown() {
      out=
      repeat 400; do
        while zpty -rt z part; do out+=$part; done
        [[ $out == *$1* ]] && return
        sleep 0.02
      done
    }
    zpty -w z 'source ./setup; print READ""Y'; until_shown READY
    for line in "$@"; do
      zpty -n -w z $line$'\\t\\x18'; until_shown '>>>'
      out=\${out##*<<<}; print -r -- "\${out%%>>>*}"
    done
    zpty -d z`
  const { stdout, stderr } = spawnSync(
    'zsh',
    ['-f', '-c', program, 'zsh', ...IN_ZSH.map(([typed]) => typed)],
    { cwd: place.path, env: place.env({ HOME: place.path, TERM: 'xterm' }), timeout: 60_000 },
  )
  const lines = stdout.toString().split('\n')
  for (const [i, [typed, line]] of IN_ZSH.entries()) t.is(lines[i], line, `${typed}: ${stderr}`)
})

/** What is typed, what is asked for then, and what fish may complete, which it quotes itself. */
const IN_FISH: readonly (readonly [typed: string, asked: string, found: string])[] = [
  ['dstore get my', 'get|my', 'my model|my*name|my:tag'],
  ['dstore get my\\ ', 'get|my ', 'my model'],
  ["dstore get 'my ", 'get|my ', 'my model'],
  ['dstore get "my ', 'get|my ', 'my model'],
  ['dstore get my:', 'get|my:', 'my:tag'],
  [String.raw`dstore get q\$`, 'get|q$', 'q$x'],
  [String.raw`dstore get q\'`, "get|q'", "q'y"],
  [String.raw`dstore get back\\`, 'get|back\\', 'back\\slash'],
  ['dstore get tree/', 'get|tree/', 'tree/a b/'],
  ["dstore get 'a b' ~/c my:", 'get|a b|/h/c|my:', 'my:tag'],
  ['dstore file folder/', 'file|folder/', 'folder/a b'],
  ['dstore file --output=folder/', 'file|--output=folder/', '--output=folder/a b'],
]

test('R007-66 fish completes what is typed', (t) => {
  if (isMissing(t, 'fish')) return
  const place = new Place(t)
  mkdirSync(place.file('folder'))
  writeFileSync(place.file('folder/a b'), '')
  const quoted = (text: string): string =>
    `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`
  const program = `
    set HOME /h
    function dstore
      string join '|' -- $argv[4..-1] > asked
      if test "$argv[4]" = file
        printf '\\tfiles\\n'
        return
      end
      for one in ${KNOWN.map(quoted).join(' ')}
        string match -q -- (string escape --style=regex -- $argv[-1] | string replace -a '\\\\' '')'*' $one
        and printf '%s\\n' $one
      end
    end
    ${SHELLS['fish']!}
    for typed in $argv
      set found (complete -C $typed)
      cat asked
      string join '|' -- $found
    end`
  const { stdout, stderr } = spawnSync(
    'fish',
    ['--no-config', '-c', program, '--', ...IN_FISH.map(([typed]) => typed)],
    { cwd: place.path, env: place.env() },
  )
  const lines = stdout.toString().split('\n')
  for (const [i, [typed, ...expected]] of IN_FISH.entries()) {
    t.deepEqual(lines.slice(2 * i, 2 * i + 2), expected, `${typed}: ${stderr}`)
  }
})

for (const shell of ['zsh', 'fish']) {
  test(`R007-66 ${shell} asks a daemon for names`, async (t) => {
    if (isMissing(t, shell)) return
    const { directory, node } = await serving(t)
    const place = new Place(t, directory.path)
    const { key } = await node.put({ bytes: [Buffer.from('x')] as never })
    await node.bind('my model', key)
    const command = place.file('dstore')
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${BUNDLE}' "$@"\n`)
    chmodSync(command, 0o755)
    const env = place.env({ PATH: `${place.path}:${process.env['PATH']}` })
    const program =
      shell === 'fish'
        ? `${SHELLS['fish']!}\n complete -C 'dstore get my'; complete -C 'dstore ev'`
        : `compdef() { : }
          ${SHELLS['zsh']!}
          compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -rl -- "$@" }
          words=(dstore get my); CURRENT=3; PREFIX=my; _dstore
          words=(dstore ev); CURRENT=2; PREFIX=ev; _dstore; true`
    const flags = shell === 'fish' ? ['--no-config'] : ['-f']
    const { stdout } = await promisify(execFile)(shell, [...flags, '-c', program], {
      cwd: place.path,
      env,
    })
    t.deepEqual(stdout.split('\n').filter(Boolean), ['my model', 'evict'])
  })
}

test('R007-66 an unknown shell is refused', async (t) => {
  const place = new Place(t)
  for (const args of [['tcsh'], ['bash', 'zsh'], ['toString']]) {
    t.is((await place.run(['completion', ...args])).exit, 2, args.join(' '))
  }
  for (const shell of Object.keys(SHELLS)) {
    t.is((await place.run(['completion', shell])).stdout.toString(), `${SHELLS[shell]!}\n`)
  }
  t.notThrows(() => execFileSync('bash', ['-n', '-c', SHELLS['bash']!]))
})
