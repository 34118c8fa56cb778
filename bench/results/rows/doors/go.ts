/** A build by the go command, with dstore as its cache program and with its own cache. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contestant, Row } from '../../model.ts'
import { shell } from '../../processes.ts'
import { doorPair } from './door-pair.ts'

const MAIN = `package main

import (
	"encoding/json"
	"os"
	"regexp"
)

func main() {
	words := regexp.MustCompile("[a-z]+").FindAllString(os.Args[0], -1)
	_ = json.NewEncoder(os.Stdout).Encode(words)
}
`

/** In the folder `$1`. */
const BUILD = 'cd "$1" && go build -o out .'

const second: Row = {
  id: 'go-second',
  title:
    'a Go program with `encoding/json` and `regexp` built with an empty folder, as on a second machine',
  measure: 'seconds',
  open: async (bench) => {
    if (!bench.has('go', 'all of it')) return []
    const { global, local } = await doorPair(bench)
    const project = bench.path('go-project')
    mkdirSync(project)
    writeFileSync(join(project, 'go.mod'), 'module example.com/bench\n\ngo 1.21\n')
    writeFileSync(join(project, 'main.go'), MAIN)
    const build = (env: NodeJS.ProcessEnv): Promise<string> =>
      shell(BUILD, [project], { GOFLAGS: '', GOTOOLCHAIN: 'local', ...env })
    const [own, cold, outputs] = ['go-own', 'go-cold', 'go-outputs'].map((name) => bench.path(name))
    const through: NodeJS.ProcessEnv = {
      ...local.env,
      GOCACHE: own!,
      GOCACHEPROG: `${local.command} gocache`,
      XDG_CACHE_HOME: outputs!,
    }
    // Puts all that a build makes.
    await build(through)
    await build({ GOCACHE: own! })
    const emptied = (folder: string): Promise<string> => shell('rm -rf "$1"', [folder])
    const dstore: Contestant = {
      name: '`dstore gocache`',
      part: 'dstore',
      before: () => emptied(outputs!),
      run: async () => void (await build(through)),
      daemons: () => [local.pid, global.pid],
    }
    return [
      dstore,
      {
        name: 'its own cache, which has all',
        part: 'floor',
        run: async () => void (await build({ GOCACHE: own! })),
      },
      {
        name: 'its own cache, empty',
        part: 'peer',
        before: () => emptied(cold!),
        run: async () => void (await build({ GOCACHE: cold! })),
      },
    ]
  },
}

export const GO_ROWS: readonly Row[] = [second]
