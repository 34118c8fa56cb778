/** The native engine, if there is an addon and it passes its test (R002-19). */
import { homedir } from 'node:os'
import { NATIVE_CHOICE, SYSTEM } from '../../../platform.ts'
import { disagreement, disproof } from '../engine-proof.ts'
import type { Engine } from '../engine.ts'
import { addonPaths } from './addon-paths.ts'
import { loadAddon } from './addon.ts'
import { NativeEngine } from './native-engine.ts'

/** What came of the search for an addon. */
export type NativeFinding =
  | { readonly kind: 'none' }
  | { readonly kind: 'used'; readonly engine: Engine; readonly path: string }
  /** `reason` is one line for users. */
  | { readonly kind: 'refused'; readonly reason: string }

/** The first addon where this process looks for one. `proved` hashes what the addon does not. */
export function openNative(proved: Engine): NativeFinding {
  try {
    const home = homeFolder()
    const module = import.meta.url
    const paths = addonPaths({ choice: NATIVE_CHOICE, system: SYSTEM, home, module })
    return openFirst(paths, proved, NATIVE_CHOICE !== undefined && NATIVE_CHOICE !== '')
  } catch (error) {
    return refused(error)
  }
}

/** Undefined where nothing names one, as in a container with a user of its own. */
function homeFolder(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

/** The first of these that exists decides. `isNamed`: the user named it, so it should exist. */
export function openFirst(
  paths: readonly string[],
  proved: Engine,
  isNamed: boolean,
): NativeFinding {
  for (const path of paths) {
    try {
      const addon = loadAddon(path)
      if (addon === undefined) continue
      const engine = new NativeEngine(addon, proved)
      const wrong = disproof(engine) ?? disagreement(engine, proved)
      if (wrong !== undefined) throw new Error(`it is wrong on this machine (${wrong})`)
      return { kind: 'used', engine, path }
    } catch (error) {
      return refused(error, path)
    }
  }
  const [path] = paths
  return isNamed && path !== undefined ? refused('there is no such file', path) : { kind: 'none' }
}

function refused(error: unknown, path?: string): NativeFinding {
  const [why] = (error instanceof Error ? error.message : String(error)).split('\n')
  const what = path === undefined ? '' : ` ${path}`
  return { kind: 'refused', reason: `the native hash addon${what} is not used: ${why}` }
}
