/** Refuses arguments and variables that Node has decoded with loss (R007-97). */
import { checkLossless, isLossy } from '../src/utf8.ts'
import { flagOf } from './flags.ts'

/** Throws `usage` for the first argument that is not UTF-8. */
export function checkArguments(args: readonly string[]): void {
  const at = args.findIndex(isLossy)
  if (at === -1) return
  const flag = flagBefore(args, at)
  const of = flag === undefined ? '' : `, the value of ${flag},`
  checkLossless(args[at]!, `argument ${at + 1}${of}`)
}

/** The flag that this argument is or carries the value of. */
function flagBefore(args: readonly string[], at: number): string | undefined {
  const joined = /^(--[a-z-]+)=/.exec(args[at]!)?.[1]
  if (joined !== undefined) return joined
  const before = args[at - 1]
  return before?.startsWith('-') === true && flagOf(before)?.type === 'string' ? before : undefined
}

/** Throws `usage` for the first variable of dstore's that is not UTF-8. */
export function checkVariables(environment: Readonly<Record<string, string | undefined>>): void {
  for (const [name, text = ''] of Object.entries(environment)) {
    if (name.startsWith('DSTORE_')) checkLossless(text, name)
  }
}
