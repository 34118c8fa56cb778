/**
 * What needs Python, `npm run test:python`: compares dstore with an encoder in Python that shares
 * no code with it, for which Python needs the packages `dag-cbor` and `blake3`; and runs the tests
 * of the Python client, which need `pytest`. `PYTHON` names another Python than `python3`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testClient } from './client-tests.ts'

const PYTHON = process.env['PYTHON'] ?? 'python3'
const SCRIPT = 'test/python/directory_key.py'

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const python = (...args: string[]): string =>
  execFileSync(PYTHON, [SCRIPT, ...args], { encoding: 'utf8' }).trim()

/** A folder with every kind of entry, and names that encoders get wrong. */
function fill(folder: string): void {
  mkdirSync(join(folder, 'empty'))
  mkdirSync(join(folder, 'a/b/c/d'), { recursive: true })
  for (const [index, size] of [0, 1, 23, 24, 255, 256, 65_535, 65_536, 300_000].entries()) {
    writeFileSync(join(folder, `a/of ${size}`), Buffer.alloc(size, index))
  }
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, 'a/b', `f${i}`), `${i}`)
  const names = [
    '__proto__',
    '10',
    '9',
    'é',
    'e\u0301',
    '\ufeffmark',
    '\uffee',
    '\u{1f600}',
    'a\nb',
    '\\',
  ]
  for (const name of names) writeFileSync(join(folder, 'a/b/c', name), name)
  writeFileSync(join(folder, 'n'.repeat(255)), 'a long name')
  writeFileSync(join(folder, 'run.sh'), '#!/bin/sh\n')
  chmodSync(join(folder, 'run.sh'), 0o755)
  symlinkSync('a/b', join(folder, 'link'))
  symlinkSync('nowhere', join(folder, 'a/dangling'))
}

function compareKeys(): void {
  const probe = spawnSync(PYTHON, ['-c', 'import blake3, dag_cbor'], { stdio: 'ignore' })
  if (probe.status !== 0) {
    say(`skipped: ${PYTHON} has not the packages dag-cbor and blake3`)
    return
  }
  say(`  ✔ python › ${python('--vectors', 'specs/vectors/008-directories.json')} vectors: equal`)
  const folder = mkdtempSync(join(tmpdir(), 'dstore-python-'))
  try {
    fill(folder)
    const ours = execFileSync(process.execPath, ['dist/dstore.js', 'cid', folder], {
      encoding: 'utf8',
    })
    const theirs = python(folder)
    if (ours.trim() !== theirs) throw new Error(`dstore says ${ours.trim()}, Python ${theirs}`)
    say(`  ✔ python › a folder: both say ${theirs}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

compareKeys()
await testClient(PYTHON)
