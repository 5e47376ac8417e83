// Uses a service through npm @ipfs-shipyard/pinning-service-client. Reads {endpoint, token, cids} and says what it saw.
import { readFileSync } from 'node:fs'

import { Configuration, RemotePinningServiceClient, Status, TextMatchingStrategy } from '@ipfs-shipyard/pinning-service-client'

const { endpoint, token, cids } = JSON.parse(readFileSync(0, 'utf8'))
const [first, second] = cids
const client = new RemotePinningServiceClient(new Configuration({ endpointUrl: endpoint, accessToken: token }))
const names = async (filter) => {
  const { count, results } = await client.pinsGet(filter)
  return [count, ...[...results].map((result) => result.pin.name)]
}
const refusal = async (call) => {
  try {
    await call()
    return 'no refusal'
  } catch (error) {
    const response = error.response ?? error
    return [response.status, (await response.json()).error.reason]
  }
}

const added = await client.pinsPost({ pin: { cid: first, name: 'Report.pdf', meta: { app: 't', 'k k': 'v,v' } } })
const other = await client.pinsPost({ pin: { cid: second, name: 'other' } })
const got = await client.pinsRequestidGet({ requestid: added.requestid })
const lists = {
  all: await names({}),
  byCids: await names({ cid: [first, second] }),
  byCid: await names({ cid: [second] }),
  byName: await names({ name: 'Report.pdf' }),
  byPart: await names({ name: 'PORT', match: TextMatchingStrategy.Ipartial }),
  byStatuses: await names({ status: [Status.Pinned, Status.Queued] }),
  byMeta: await names({ meta: { app: 't', 'k k': 'v,v' } }),
  byOtherMeta: await names({ meta: { app: 'u' } }),
  before: await names({ before: other.created }),
  after: await names({ after: added.created }),
  one: await names({ limit: 1 })
}
const replaced = await client.pinsRequestidPost({ requestid: added.requestid, pin: { cid: second, name: 'replaced' } })
const old = await refusal(() => client.pinsRequestidGet({ requestid: added.requestid }))
const bad = await refusal(() => client.pinsPost({ pin: { cid: 'nonsense' } }))
await client.pinsRequestidDelete({ requestid: replaced.requestid })
await client.pinsRequestidDelete({ requestid: other.requestid })
console.log(
  JSON.stringify({
    added: { status: added.status, pin: added.pin, delegates: [...added.delegates].length },
    got: { status: got.status, same: got.created.getTime() === added.created.getTime(), pin: got.pin },
    lists,
    replaced: { isNew: replaced.requestid !== added.requestid, cid: replaced.pin.cid, status: replaced.status },
    old,
    bad,
    left: await names({})
  })
)
