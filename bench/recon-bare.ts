/** Fetches the pages of both collections and posts what it is told to, and nothing else. Prints `{"ms":MS}`. */
import { Pool } from 'undici'

const { TARGET = '', POSTS = '0' } = process.env
const pool = new Pool(TARGET, { connections: 10 })
const begin = performance.now()

async function fetchPages(collection: string): Promise<object[]> {
  const objects: object[] = []
  let cookie: string | null = null
  do {
    const paging: string = cookie === null ? '' : `&_pagedResultsCookie=${cookie}`
    const path = `/openidm/${collection}?_queryFilter=true&_pageSize=1000${paging}`
    const answer = await pool.request({ method: 'GET', path })
    const page = JSON.parse(await answer.body.text()) as { result: object[]; pagedResultsCookie: string | null }
    objects.push(...page.result)
    cookie = page.pagedResultsCookie
  } while (cookie !== null)
  return objects
}

await fetchPages('managed/alpha_user')
const objects = await fetchPages('managed/user')
const queue = objects.slice(0, Number(POSTS)).values()
const worker = async () => {
  for (const object of queue) {
    const headers = { 'content-type': 'application/json' }
    const path = '/openidm/managed/alpha_user?_action=create'
    await (await pool.request({ method: 'POST', path, headers, body: JSON.stringify(object) })).body.text()
  }
}
await Promise.all(Array.from({ length: 10 }, worker))
console.log(JSON.stringify({ ms: Math.round(performance.now() - begin) }))
process.exit()
