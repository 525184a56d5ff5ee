// Plain JavaScript that any Node can parse.
// In a checkout our own Node 24 runs TypeScript as it stands; the built package also runs on 22.22 and 26.

/**
 * @returns {string | undefined} what is wrong with the Node that runs us
 */
export function nodeFault() {
  var found = process.versions.node
  var version = found.split('.').map(Number)
  var major = version[0]
  var minor = version[1]
  if ((major === 22 && minor >= 22) || major === 24 || major >= 26) return undefined
  return (
    'openidm-external-idm needs Node ^22.22, ^24 or >=26; this is Node ' +
    found +
    ' (' +
    process.execPath +
    ').\nIn a checkout type:  npm ci && npm start   (npm brings the right Node with it).\n' +
    'Elsewhere type:      npx --package=node@24 --package=openidm-external-idm openidm-external-idm --help'
  )
}
