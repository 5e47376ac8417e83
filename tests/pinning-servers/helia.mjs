// Runs @helia/pinning-service-api-server on a free port of this computer, for one token and over a node without a network.
// Prints {endpoint} when it is ready.
import { createPinningServiceAPIServer } from '@helia/pinning-service-api-server'
import { Helia } from '@helia/utils'
import { MemoryBlockstore } from 'blockstore-core'
import { MemoryDatastore } from 'datastore-core'
import { createLibp2p } from 'libp2p'

const [token] = process.argv.slice(2)
const datastore = new MemoryDatastore()
const blockstore = new MemoryBlockstore()
const libp2p = await createLibp2p({ start: false, datastore, addresses: { listen: [] } })
// A pin fails when nobody can be told of it.
const nobody = { async provide() {} }
const node = new Helia({ datastore, blockstore, libp2p, blockBrokers: [], routers: [nobody] })
await node.start()
const server = await createPinningServiceAPIServer(node, {
  validateAccessToken: async (shown) => {
    if (shown !== token) throw new Error('no such token')
    return { id: 'somebody' }
  },
  listen: { host: '127.0.0.1', port: 0 }
})
console.log(JSON.stringify({ endpoint: `http://127.0.0.1:${server.server.address().port}` }))
