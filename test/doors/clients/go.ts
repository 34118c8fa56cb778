/** The go command with `dstore gocache` as its cache program. */
import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import type { Report } from './report.ts'
import { withSite, type Machine, type Site } from './site.ts'

interface Built {
  /** The program. */
  readonly bytes: Buffer
  /** What `gocache -v` says at the end. */
  readonly hits: number
  readonly stored: number
  readonly misses: number
  readonly notes: string
}

const SOURCES: Readonly<Record<string, string>> = {
  'go.mod': 'module example.com/program\n\ngo 1.24\n',
  'main.go':
    'package main\n\nimport (\n\t"encoding/json"\n\t"os"\n)\n\nfunc Text() string { return "built" }\n\n' +
    'func main() { _ = json.NewEncoder(os.Stdout).Encode(Text()) }\n',
  'main_test.go':
    'package main\n\nimport "testing"\n\nfunc TestText(t *testing.T) {\n\tif Text() != "built" {\n\t\tt.Fatal()\n\t}\n}\n',
}

/** A machine's sources, caches and command in a folder of its own. */
class Builder {
  readonly #folder: string
  readonly #machine: Machine
  readonly #bin: string
  readonly #source: string

  constructor(site: Site, machine: Machine, name: string) {
    this.#folder = site.newFolder(name)
    this.#machine = machine
    this.#source = join(site.folder, 'source')
    this.#bin = join(this.#folder, 'bin')
    mkdirSync(this.#bin, { recursive: true })
    const command = join(this.#bin, 'dstore')
    writeFileSync(
      command,
      `#!/bin/sh\nexec '${process.execPath}' '${resolve('dist/dstore.js')}' "$@"\n`,
    )
    chmodSync(command, 0o755)
  }

  /** Runs `go`, with an empty cache on this machine unless `keeps`. Throws if it fails. */
  go(words: readonly string[], cache: string = `cache-${Math.random()}`): Built & { out: string } {
    const env = {
      ...process.env,
      PATH: `${this.#bin}:${process.env['PATH']}`,
      GOCACHEPROG: 'dstore gocache -v',
      GOCACHE: join(this.#folder, 'gocache'),
      GOFLAGS: '-trimpath',
      GOPROXY: 'off',
      GOTOOLCHAIN: 'local',
      GOTELEMETRY: 'off',
      GOENV: 'off',
      DSTORE_DIR: this.#machine.dir,
      XDG_CACHE_HOME: join(this.#folder, cache),
    }
    const { status, stdout, stderr } = spawnSync('go', words, {
      cwd: this.#source,
      env,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`go ${words.join(' ')}: ${status}\n${stdout}\n${stderr}`)
    const counts = /(\d+) hits \((\d+) from dstore\), (\d+) misses/.exec(stderr)
    if (counts === null) throw new Error(`no counts in: ${stderr}`)
    const [, hits, stored, misses] = counts.map(Number) as [number, number, number, number]
    const notes = stderr
      .split('\n')
      .filter((line) => line.startsWith('dstore gocache:'))
      .join('\n')
    return { bytes: Buffer.alloc(0), hits, stored, misses, notes, out: stdout }
  }

  build(cache?: string): Built {
    const program = join(this.#folder, 'program')
    return { ...this.go(['build', '-o', program, '.'], cache), bytes: readFileSync(program) }
  }
}

/** Both machines have them at one path and of one age: the go command looks at that, too. */
function writeSources(folder: string): void {
  for (const [file, text] of Object.entries(SOURCES)) {
    const path = join(folder, file)
    writeFileSync(path, text)
    utimesSync(path, AGE, AGE)
  }
}

const AGE = new Date('2026-01-01T00:00:00Z')

/** Each build asks for its link once, in vain: the go command finds no program that it linked. */
const LINKS = 1

function check(isTrue: boolean, what: string, built: object): void {
  const { bytes: _, ...rest } = built as Built
  if (!isTrue) throw new Error(`${what}: ${JSON.stringify(rest)}`)
}

/** The first version with cache programs. */
function isNewEnough(): boolean {
  const { stdout } = spawnSync('go', ['version'], { encoding: 'utf8' })
  return /go1\.(2[4-9]|[3-9]\d)/.test(stdout ?? '')
}

/** Tests the go command. */
export async function testGo(report: Report): Promise<void> {
  if (!isNewEnough()) {
    return report.skipped('go', 'install Go 1.24 or newer, and have it in PATH')
  }
  await withSite('none', async (site) => {
    writeSources(site.newFolder('source'))
    const one = new Builder(site, site.a, 'one')
    const two = new Builder(site, site.b, 'two')
    let cold: Built
    await report.test('go: the second machine has hits only, and the same program', async () => {
      cold = one.build()
      check(cold.misses > 50 && cold.notes === '', 'a cold build', cold)
      const second = two.build()
      check(second.misses <= LINKS, 'a second machine', second)
      check(second.stored === second.hits, 'all from dstore', second)
      check(second.bytes.equals(cold.bytes), 'the same program', second)
    })
    await report.test('go: the folder of the machine answers before dstore', async () => {
      two.build('kept')
      const again = two.build('kept')
      check(again.misses === 0 && again.hits - again.stored > 50, 'again', again)
    })
    await report.test('go: a result of a test comes from the other machine', async () => {
      const words = ['test', '-v', '.']
      one.go(words)
      const { out } = two.go(words)
      if (!out.includes('(cached)')) throw new Error(out)
    })
    await report.test(
      'go: R010-47 a reader has hits, stores nothing, and says so once',
      async () => {
        const ticket = join(site.folder, 'reader-ticket')
        const dir = join(site.folder, 'reader')
        site.dstore(site.global, 'invite', '--role', 'reader', '-o', ticket)
        site.dstore({ ...site.a, dir }, 'join', `@${ticket}`)
        try {
          const reader = new Builder(site, { ...site.a, dir }, 'three')
          const names = site.dstore(site.global, 'ls', 'cache/go/')
          const built = reader.build()
          check(built.misses <= LINKS && built.bytes.equals(cold.bytes), 'a reader', built)
          const other = reader.go(['vet', '.'])
          check(other.notes.split('only reads').length === 2, 'says it once', other)
          if (site.dstore(site.global, 'ls', 'cache/go/') !== names) throw new Error('it wrote')
        } finally {
          site.dstore({ ...site.a, dir }, 'stop')
        }
      },
    )
    await report.test(
      'go: R010-47 with Global away, what is held is a hit, and the rest is built',
      async () => {
        site.stopGlobal()
        try {
          const held = two.build()
          check(held.bytes.equals(cold.bytes), 'held', held)
          check(held.stored > 50, 'held', held)
          const began = performance.now()
          const fresh = two.go(['vet', '.'])
          const seconds = (performance.now() - began) / 1000
          check(fresh.notes.split('\n').length === 1, `said once, in ${seconds} s`, fresh)
        } finally {
          site.startGlobal()
        }
      },
    )
    await report.test(
      'go: without a daemon, what is here is used, and it says so once',
      async () => {
        site.dstore(site.b, 'stop')
        const built = two.build('kept')
        check(built.hits > 50 && built.stored === 0, 'the folder', built)
        check(/^dstore gocache: no daemon is running for .*$/.test(built.notes), 'one note', built)
        check(built.bytes.equals(cold.bytes), 'the same program', built)
        site.dstore(site.b, 'start')
      },
    )
  })
}
