/** The code of a thread, in a file beside the module that starts it. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Is the file there? A program's bundler may have left it out: then one thread does the work. */
export function hasWorker(file: URL): boolean {
  return file.protocol === 'file:' && existsSync(fileURLToPath(file))
}
