/** Checks the package as published: `npm run check:package`. Exits with 1 for a finding. */
import { readFileSync } from 'node:fs'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, unknown>
const { messages } = await publint({ pkgDir: process.cwd(), strict: true, pack: false })
for (const message of messages) {
  // It knows commands that begin with `/usr/bin/env`; ours begins with a shell (R007-98).
  if (message.code === 'BIN_FILE_NOT_EXECUTABLE') continue
  process.stderr.write(`${formatMessage(message, manifest)}\n`)
  process.exitCode = 1
}
