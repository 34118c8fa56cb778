/** `dstore daemon`: run a node in the foreground. The only command that loads a node. */
import { DstoreError } from '../../src/errors.ts'
import { runDaemon } from '../../src/daemon/process/foreground.ts'
import { createLog, isLogLevel } from '../../src/daemon/process/log.ts'
import { LOG_FILE_VARIABLE, logToFile, logToStderr } from '../../src/daemon/process/log-file.ts'
import { mergeSettings, settingsFromEnvironment } from '../../src/daemon/config/settings.ts'
import { chooseDirectory } from '../../src/daemon/config/state-directory.ts'
import type { Invocation } from '../command.ts'
import { checkOneRole, settingsFromFlags } from '../node-flags.ts'
import { readDestination } from '../input/ticket-input.ts'

const NOWHERE = { text: undefined, ticket: undefined }

export async function daemon({ flags, terminal, signal }: Invocation): Promise<number> {
  const level = flags['log-level'] ?? (process.env['DSTORE_LOG_LEVEL'] || 'info')
  if (!isLogLevel(level)) {
    throw new DstoreError('usage', `no such log level: ${level}`, {
      hint: 'write debug, info, warn or error',
    })
  }
  const file = process.env[LOG_FILE_VARIABLE]
  const log = createLog(level, file ? logToFile(file) : logToStderr())
  process.on('uncaughtExceptionMonitor', ({ stack }) => log.error('crashed', { stack }))
  checkOneRole(flags)
  const { join, ...rest } = flags
  const { text, ticket } =
    join === undefined ? NOWHERE : await readDestination(join, terminal, signal)
  const given = ticket !== undefined || text === undefined ? rest : { ...rest, join: text }
  const settings = mergeSettings(settingsFromFlags(given), settingsFromEnvironment(process.env))
  return runDaemon(
    {
      directory: chooseDirectory(flags.dir, process.env),
      settings,
      log,
      trustClock: flags['trust-clock'] === true,
      takeOver: flags['take-over'] === true,
      ...(ticket === undefined ? {} : { ticket }),
      openNode: async (options) => (await import('../../src/node/open.ts')).openNode(options),
      prepare: async () => (await import('../../src/node/open.ts')).loadGlobal(),
      openDoors: async (names, context) =>
        (await import('../../src/doors/doors.ts')).openDoors(names, context),
    },
    (line) => terminal.announce(line, line),
  )
}
