import { resourcesService, scriptsService } from 'openidm-external-idm'

/** `GET /openidm/people`: the users of the remote `eu`, formatted by a script. */
export async function activate(context) {
  const openidm = context.service(resourcesService).connect()
  const script = await context.service(scriptsService).compile({
    type: 'text/javascript',
    source: 'people.map(function (user) { return user.userName + " <" + user.mail + ">" })',
  })
  const answer = async (response) => {
    const { result } = await openidm.query('external/idm/eu/managed/user', { _queryFilter: 'true' })
    const people = await context.service(scriptsService).run(script, { people: result })
    response.setHeader('content-type', 'application/json').end(JSON.stringify(people))
  }
  context.registerRouter('/openidm', () => (request, response, next) => {
    if (request.method === 'GET' && request.url === '/people') answer(response).catch(next)
    else next()
  })
}
