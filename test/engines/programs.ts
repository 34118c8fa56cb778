/** The servers that the tests know. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineProgram } from './engine.ts'

/** Folders of a POSIX file system as buckets. */
const VERSITYGW: EngineProgram = {
  name: 'versitygw',
  program: 'versitygw',
  hint: 'go install github.com/versity/versitygw/cmd/versitygw@latest',
  makesBucket: false,
  start: ({ port, directory, access }) => ({
    args: ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', join(directory, 'data')],
    environment: { ROOT_ACCESS_KEY: access.id, ROOT_SECRET_KEY: access.secret },
  }),
}

/** Master, volume server, filer and gateway in one process. It reports nothing to its makers. */
const SEAWEEDFS: EngineProgram = {
  name: 'seaweedfs',
  program: 'weed',
  hint: 'see https://github.com/seaweedfs/seaweedfs',
  makesBucket: true,
  start: ({ port, directory, access }) => {
    const config = join(directory, 's3.json')
    const credentials = [{ accessKey: access.id, secretKey: access.secret }]
    const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging']
    return {
      args: [
        'server',
        `-dir=${join(directory, 'data')}`,
        '-ip=127.0.0.1',
        '-master.telemetry=false',
        '-filer',
        '-s3',
        `-s3.port=${port}`,
        `-s3.config=${config}`,
      ],
      prepare: () =>
        writeFile(config, JSON.stringify({ identities: [{ name: 'test', credentials, actions }] })),
    }
  },
}

export const PROGRAMS: readonly EngineProgram[] = [VERSITYGW, SEAWEEDFS]
