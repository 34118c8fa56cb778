/** A repository by Hugging Face's own client, from dstore and from nginx. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MIB } from '../../../../src/limits.ts'
import type { Bench } from '../../bench.ts'
import type { Contestant, Row } from '../../model.ts'
import { shell } from '../../processes.ts'
import { nginxWith, type Nginx } from '../nginx.ts'
import { doorPair } from './door-pair.ts'

const FILES = 6
const FILE_BYTES = 50 * MIB

/** From the endpoint and with the token that the arguments say, into a folder. */
const DOWNLOAD = `
import os, sys
os.environ.update(HF_ENDPOINT=sys.argv[1], HF_TOKEN=sys.argv[2], HF_HOME=sys.argv[3],
    HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_XET="1")
from huggingface_hub import snapshot_download
snapshot_download("bench/model")
`

const COMMIT = '0123456789abcdef0123456789abcdef01234567'

/** Answers what the client asks for a repository, from files. */
const ENDPOINT = `location /api/ { default_type application/json; }
location ~ ^/bench/model/resolve/ {
  rewrite ^/bench/model/resolve/[^/]+/(.*)$ /$1 break;
  add_header X-Repo-Commit ${COMMIT};
}`

async function endpoint(bench: Bench, folder: string, names: readonly string[]): Promise<Nginx> {
  const all = await nginxWith(bench, 'nginx-endpoint', ENDPOINT)
  // Its ETag is made of size and time, and files of one ETag are one file to the client.
  const copy = 'cp "$1/$3" "$2"; touch -d "2020-01-0$4" "$2/$3"'
  for (const [i, name] of names.entries()) await shell(copy, [folder, all.root, name, `${i + 1}`])
  const write = (path: string, document: unknown): void => {
    const file = join(all.root, 'api/models/bench/model', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(document))
  }
  const siblings = names.map((rfilename) => ({ rfilename }))
  for (const revision of ['main', COMMIT]) {
    write(`revision/${revision}`, { id: 'bench/model', sha: COMMIT, siblings })
  }
  const tree = names.map((path) => ({ type: 'file', path, size: FILE_BYTES, oid: COMMIT }))
  write(`tree/${COMMIT}`, tree)
  return all
}

const download: Row = {
  id: 'hf-download',
  title: `a repository of ${FILES} files, ${(FILES * FILE_BYTES) / MIB} MiB, held, by Hugging Face's client`,
  measure: 'seconds',
  bar: { limit: 1.5 },
  open: async (bench) => {
    if (!bench.has('huggingface_hub', 'all of it')) return []
    const pair = await doorPair(bench)
    const folder = bench.path('hf-model')
    mkdirSync(folder)
    const bytes = await bench.file(FILES * FILE_BYTES)
    await shell('split -b "$1" "$2" "$3/weights-"', [`${FILE_BYTES}`, bytes, folder])
    await bench.run(pair.local, 'hf publish --quiet', [folder, 'bench/model'])
    await bench.run(pair.local, 'prefetch --quiet', ['hf/bench/model@main'])
    const home = bench.path('hf-home')
    const before = (): Promise<string> => shell('rm -rf "$1"; mkdir "$1"; sync', [home])
    const from = (at: string, token: string) => async (): Promise<void> => {
      const words = [process.env['PYTHON'] ?? 'python3', DOWNLOAD, at, token, home]
      await shell('"$1" -c "$2" "$3" "$4" "$5"', words)
    }
    const dstore: Contestant = {
      name: 'from dstore',
      part: 'dstore',
      before,
      run: from(`${pair.url}/hf`, pair.token),
      daemons: () => [pair.local.pid, pair.global.pid],
      requests: pair.requests,
    }
    if (!bench.has('nginx', 'the floor')) return [dstore]
    const names = (await shell('ls "$1"', [folder])).trim().split('\n')
    const { url, pid } = await endpoint(bench, folder, names)
    const urls = names.flatMap((name) => ['-o', join(home, name), `${url}/${name}`])
    return [
      dstore,
      {
        name: 'from nginx in place of the endpoint',
        part: 'floor',
        before,
        run: from(url, 'none'),
        daemons: () => [pid],
      },
      {
        name: 'the bare files from nginx by `curl`',
        part: 'peer',
        before,
        run: async () => void (await shell('curl -sSf "$@"', urls)),
        daemons: () => [pid],
      },
    ]
  },
}

export const HUGGING_FACE_ROWS: readonly Row[] = [download]
