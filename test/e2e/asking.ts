/** Asks a daemon from this process, as a command takes longer to start than to answer. */
import { Client } from '../../src/daemon/client/client.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'

/** `state`: its state directory. */
export async function askDaemon<Answer>(
  state: string,
  question: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const client = await Client.connect(stateDirectory(state).socket)
  if (client === undefined) throw new Error('no daemon serves here')
  try {
    return await question(client)
  } finally {
    client.close()
  }
}
