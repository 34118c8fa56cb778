/** A daemon over a `FakeNode` as a process: `node daemon-process.js DIRECTORY [SOCKET]`. */
import { createLog } from '../../../src/daemon/process/log.ts'
import { runDaemon } from '../../../src/daemon/process/foreground.ts'
import { problemLine, problemOf } from '../../../src/daemon/api/problem.ts'
import { notifyParent } from '../../../src/daemon/process/readiness.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { FakeNode } from '../fake-node.ts'

const [, , directory, socket] = process.argv
try {
  process.exit(
    await runDaemon(
      {
        directory: stateDirectory(directory!),
        settings: socket === undefined ? {} : { socket },
        log: createLog('info', (line) => process.stderr.write(line)),
        openNode: () => Promise.resolve(new FakeNode()),
      },
      (line) => Promise.resolve(process.stdout.write(`${line}\n`)),
    ),
  )
} catch (error) {
  notifyParent({ ready: false, problem: problemOf(error) })
  process.stderr.write(`${problemLine(error)}\n`)
  process.exitCode = 1
}
