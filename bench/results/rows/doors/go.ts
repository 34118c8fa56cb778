/** A Go program with its standard packages: outputs from dstore, or from Go's own folder. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Pair } from '../../bench.ts'
import type { Contestant, Row } from '../../model.ts'
import { shell } from '../../processes.ts'

interface GoProject {
  /** Builds with these caches; `requests` counts what the cache program asked its daemon. */
  readonly build: (cache: string, pair?: Pair) => Promise<void>
  readonly requests: () => Promise<number>
  readonly digest: () => Promise<string>
}

const MAIN = `package main

import (
	"fmt"
	"net/http"
)

func main() { fmt.Println(http.StatusText(200)) }
`

function goProject(bench: Bench): Promise<GoProject> {
  return bench.shared('Go project', async () => {
    const source = bench.path('go-source')
    mkdirSync(source)
    writeFileSync(join(source, 'go.mod'), 'module example.com/program\n\ngo 1.24\n')
    writeFileSync(join(source, 'main.go'), MAIN)
    await shell('touch -d 2026-01-01 "$1"/*', [source])
    const [program, calls] = [bench.path('go-program'), bench.path('go-calls')]
    writeFileSync(calls, '')
    const env = { GOPROXY: 'off', GOTOOLCHAIN: 'local', GOENV: 'off', GOTELEMETRY: 'off' }
    return {
      build: async (cache, pair) => {
        const remote = pair && {
          GOCACHEPROG: `${pair.local.command} gocache -v`,
          XDG_CACHE_HOME: join(cache, 'xdg'),
          ...pair.local.env,
        }
        const script = 'cd "$1" && go build -o "$2" . 2>> "$3"'
        const own = { ...env, GOCACHE: join(cache, 'go'), ...remote }
        await shell(script, [source, program, calls], own)
      },
      requests: async () =>
        Number(await shell('grep -cE "^(GET|POST|PUT) /v1/" "$1" || true', [calls])),
      digest: () => shell('sha256sum < "$1"', [program]),
    }
  })
}

/** Global and a Local, without outputs of other rows. */
const goPair = (bench: Bench): Promise<Pair> =>
  bench.shared('pair for Go', async () => {
    const global = await bench.daemon(['--global'])
    const ticket = (await bench.run(global, 'invite')).trim()
    return { global, local: await bench.daemon(['--join', ticket, '--cache', '2GiB']) }
  })

const emptied = (folder: string): Promise<string> => shell('rm -rf "$1"', [folder])

const pids = ({ global, local }: Pair): (() => readonly number[]) => {
  const both = [local.pid, global.pid]
  return () => both
}

const cold: Row = {
  id: 'go-cold',
  title: 'a Go program built with `dstore gocache`, which has nothing of it, and stores all',
  measure: 'seconds',
  bar: { limit: 1.15 },
  open: async (bench) => {
    if (!bench.has('go', 'all of it')) return []
    const { build, requests } = await goProject(bench)
    const pair = await goPair(bench)
    const cache = bench.path('go-cold')
    const forget = async (): Promise<void> => {
      await emptied(cache)
      await shell(
        `${pair.global.command} ls cache/go/ | xargs -r ${pair.global.command} rm`,
        [],
        pair.global.env,
      )
    }
    return [
      {
        name: 'dstore',
        part: 'dstore',
        before: forget,
        run: () => build(cache, pair),
        daemons: pids(pair),
        requests,
      },
      {
        name: "Go's own folder",
        part: 'floor',
        before: () => emptied(cache),
        run: () => build(cache),
      },
    ]
  },
}

const second: Row = {
  id: 'go-second',
  title: 'a Go program built with `dstore gocache` and an empty folder, as on a second machine',
  measure: 'seconds',
  open: async (bench) => {
    if (!bench.has('go', 'all of it')) return []
    const { build, requests, digest } = await goProject(bench)
    const pair = await goPair(bench)
    const [cache, kept] = [bench.path('go-second'), bench.path('go-kept')]
    await build(kept)
    const program = await digest()
    await build(cache, pair)
    const bySecond: Contestant = {
      name: 'dstore',
      part: 'dstore',
      before: () => emptied(cache),
      run: () => build(cache, pair),
      daemons: pids(pair),
      requests,
    }
    await bySecond.before!()
    await bySecond.run()
    if ((await digest()) !== program) throw new Error('dstore gave another program')
    return [
      bySecond,
      { name: "Go's own folder, which has all", part: 'floor', run: () => build(kept) },
      {
        name: "Go's own folder, empty",
        part: 'peer',
        before: () => emptied(cache),
        run: () => build(cache),
      },
    ]
  },
}

export const GO_ROWS: readonly Row[] = [cold, second]
