/**
 * `node dist/tools/release/check-tag.js TAG [FILE]`: refuses a tag that the files of the tree
 * contradict, and writes the changes of its version to FILE.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changesOf, tagProblems } from './checks.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const [tag, notes] = process.argv.slice(2)
if (tag === undefined) throw new TypeError('usage: check-tag.js TAG [FILE]')
const files = {
  manifest: read('package.json'),
  lock: read('package-lock.json'),
  changelog: read('CHANGELOG.md'),
  source: read('src/node/version.ts'),
}
const problems = tagProblems(tag, files)
for (const problem of problems) process.stderr.write(`${problem}\n`)
if (problems.length > 0) process.exit(1)
if (notes !== undefined) writeFileSync(notes, `${changesOf(tag.slice(1), files.changelog)!}\n`)
