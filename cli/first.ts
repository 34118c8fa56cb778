/**
 * The entry of the installed command, as CommonJS: Node loads an ES module later than these two
 * calls end. `--help` and `has KEY` are answered by a chunk of their own where it can, and all else
 * by the whole command line.
 */
import { PRINTED_KEY } from './input/key-spelling.ts'

/** Beside this file in the package. */
const WHOLE = './dstore.js'

async function begin([command, key = '', ...others]: readonly string[]): Promise<void> {
  // Who reads it deletes it, and the whole command line may have to read it as well.
  const { DSTORE_CLOSED: closed } = process.env
  const isBrief = others.length === 0 && (command === 'has' ? PRINTED_KEY.test(key) : key === '')
  if (isBrief && (command === 'has' || command === '--help')) {
    const { answer } = await import('./delivery/brief.ts')
    const code = await answer(command, key, __dirname)
    if (code !== undefined) process.exit(code)
    if (closed !== undefined) process.env['DSTORE_CLOSED'] = closed
  }
  await import(WHOLE)
}

void begin(process.argv.slice(2))
