// Fetches addresses with @helia/verified-fetch from one gateway: node fetch.mjs GATEWAY DIRECTORY ADDRESS...
// The client checks every block against its CID. Prints for each address one line of JSON and writes the body to a file in
// DIRECTORY named by the address's number, from 0 on.
//
// 1.5.0 is the last version that runs on Node.js 20 without compiled parts: later ones bring libp2p and its WebRTC. Its
// dependency mortice is held back because newer ones need Node.js 22.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createVerifiedFetch } from '@helia/verified-fetch'

const [gateway, directory, ...addresses] = process.argv.slice(2)
const verifiedFetch = await createVerifiedFetch({
  gateways: [gateway],
  routers: [],
  allowInsecure: true,
  allowLocal: true
})
// Waiting for the network alone does not keep the process alive everywhere in the client.
const alive = setInterval(() => {}, 1000)
for (const [number, address] of addresses.entries()) {
  try {
    const response = await verifiedFetch(address, { signal: AbortSignal.timeout(60_000) })
    writeFileSync(join(directory, String(number)), Buffer.from(await response.arrayBuffer()))
    console.log(JSON.stringify({ address, status: response.status }))
  } catch (error) {
    console.log(JSON.stringify({ address, error: String(error) }))
  }
}
await verifiedFetch.stop()
clearInterval(alive)
process.exitCode = 0
