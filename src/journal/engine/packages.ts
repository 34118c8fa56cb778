/** The clients of engines, which are not installed with the package: most nodes have no engine. */
import { DstoreError } from '../../errors.ts'
import { importOptional } from '../../optional-package.ts'

/** The versions that are tested. `package.json` states them, too, and a test compares them. */
export const ENGINE_PACKAGES = {
  '@nats-io/transport-node': '3.3.1',
  pg: '8.23.1',
} as const

/** Throws `unsupported`, with the command that installs it. */
export async function loadPackage<T>(
  name: keyof typeof ENGINE_PACKAGES,
  load: () => Promise<T> = () => importOptional<T>(name),
): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const isMissing = (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND'
    const what = isMissing ? 'is not installed' : 'does not load'
    throw new DstoreError('unsupported', `this engine needs ${name}, which ${what}`, {
      cause: error,
      hint: `npm i ${name}@${ENGINE_PACKAGES[name]} (with -g where dstore was installed so)`,
    })
  }
}
