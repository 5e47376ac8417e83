// Uses a service through npm @helia/remote-pinning. Reads {endpoint, token, cids} and says what it saw. The node beside it
// holds nothing and dials nobody: what is pinned is there already.
import { readFileSync } from 'node:fs'

import { createRemotePins } from '@helia/remote-pinning'
import { CID } from 'multiformats/cid'

const { endpoint, token, cids } = JSON.parse(readFileSync(0, 'utf8'))
const [first, second] = cids.map((cid) => CID.parse(cid))
const dialled = []
const node = {
  libp2p: {
    getMultiaddrs: () => [],
    dial: async (addresses) => {
      dialled.push(...addresses.map(String))
      throw new Error('this node dials nobody')
    }
  }
}
const pins = createRemotePins(node, { endpointUrl: endpoint, accessToken: token, pollInterval: 50 })
const all = async (pages, most = 50) => {
  const found = []
  for await (const one of pages) {
    found.push(one)
    if (found.length > most) throw new Error('the list does not end')
  }
  return found
}
const names = async (options) => [...new Set((await all(pins.ls(options))).map((pin) => pin.name))].sort()

const added = (await all(pins.add(first, { name: 'first', metadata: { app: 't' } }))).map(String)
await all(pins.add(second, { name: 'second' }))
const listed = await names()
const ofOne = await names({ cid: first })
const got = await pins.get(first)
await pins.setMetadata(first, { app: 'u' })
const changed = await pins.get(first)
const isPinned = await pins.isPinned(first)
await all(pins.rm(first))
console.log(
  JSON.stringify({
    added,
    dialled: dialled.length,
    listed,
    ofOne,
    got: { status: got.status, metadata: got.metadata },
    changed: changed.metadata,
    isPinned,
    isPinnedAfterwards: await pins.isPinned(first),
    left: await names()
  })
)
