/** `open`: opens the page of the node in the browser (specs/013, "The command"). */
import { asDstoreError } from '../../../src/errors.ts'
import { parseRole } from '../../../src/membership/role.ts'
import { SYSTEM } from '../../../src/platform.ts'
import type { Invocation } from '../../command.ts'
import { useDaemon } from '../../session.ts'
import { browserIn, openIn } from './browser.ts'

export async function open(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const role = flags.role === undefined ? undefined : parseRole(flags.role)
  const browser = flags.print === true ? undefined : browserIn(process.env, SYSTEM)
  const client = await useDaemon(invocation)
  const { address } = await client.sessions.openHttp()
  const { code, expiresAt } = await client.sessions.makeCode(role)
  const page = `${address}/ui/`
  const url = `${page}#code=${code}`
  if (browser !== undefined) {
    try {
      await openIn(browser, url)
      const document = { address: page, opened: true, expiresAt }
      if (terminal.json) await terminal.print(JSON.stringify(document))
      else terminal.note(`opened ${page} by ${browser}; \`dstore open --print\` prints an address`)
      return 0
    } catch (error) {
      // The code waits: the address is as good as before.
      terminal.note(`${asDstoreError(error).message}: open this address yourself`)
    }
  }
  await terminal.printFact({ address: page, opened: false, expiresAt, url }, url)
  terminal.note('it works once, within two minutes')
  const { port, hostname } = new URL(address)
  if (process.env['SSH_CONNECTION'] && /^(127\.|\[::1\]|localhost$)/.test(hostname)) {
    terminal.note(`on your own machine first: ssh -N -L ${port}:${hostname}:${port} THIS-HOST`)
  }
  return 0
}
