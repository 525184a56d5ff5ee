/** What scripts in a shared context may do with built-in names. Any other use needs its own context. */

const names = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Global constants. */
export const VALUES = names('undefined NaN Infinity')

/** May be called, and passed to methods such as `map`. */
export const FUNCTIONS = names(`
  String Number Boolean BigInt Array Object Date RegExp Error EvalError RangeError ReferenceError SyntaxError TypeError
  URIError parseInt parseFloat isNaN isFinite encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape
  btoa atob`)

/** May be constructed, and used with `instanceof`. */
export const CONSTRUCTORS = names(`
  String Number Boolean Array Object Date RegExp Map Set Error EvalError RangeError ReferenceError SyntaxError TypeError
  URIError`)

const ANY = { has: () => true }

/** Functions that may be called as members of a built-in object. */
export const NAMESPACES: ReadonlyMap<string, Pick<ReadonlySet<string>, 'has'>> = new Map(
  Object.entries({
    Math: ANY,
    JSON: names('parse stringify'),
    Object: names('keys values entries fromEntries is hasOwn assign'),
    Array: names('isArray of from'),
    Number: names('isInteger isSafeInteger isFinite isNaN parseInt parseFloat'),
    String: names('fromCharCode fromCodePoint'),
    Date: names('now parse UTC'),
    openidm: ANY,
    logger: ANY,
    console: ANY,
    identityServer: ANY,
  }),
)

/** Objects whose constants may be read: `Math.PI`. */
export const CONSTANTS = names('Math Number')

/** The proxies of Java packages, which cannot be changed: their members may be called. */
export const PACKAGES = names('org java')

/** Globals of the sandbox in addition to those of JavaScript. */
export const SANDBOX_NAMES = names(`
  openidm identityServer logger console require load btoa atob java javax org com net edu Packages Java importClass
  importPackage JavaImporter JavaAdapter escape unescape`)

/** Members that lead from any object to shared prototypes. */
export const FORBIDDEN = names(`
  constructor prototype __proto__ __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ caller callee`)

/** Methods that do not change their object. */
export const READING_METHODS = names(`
  toString toLocaleString valueOf hasOwnProperty propertyIsEnumerable toJSON
  charAt charCodeAt codePointAt at concat endsWith startsWith includes indexOf lastIndexOf localeCompare match matchAll
  normalize padEnd padStart repeat replace replaceAll search slice split substr substring toLowerCase toUpperCase
  toLocaleLowerCase toLocaleUpperCase trim trimStart trimEnd trimLeft trimRight
  join flat keys values entries toSorted toReversed toSpliced with
  forEach map filter some every find findIndex findLast findLastIndex reduce reduceRight flatMap
  toFixed toPrecision toExponential test exec has get
  getTime getTimezoneOffset getFullYear getMonth getDate getDay getHours getMinutes getSeconds getMilliseconds
  getUTCFullYear getUTCMonth getUTCDate getUTCDay getUTCHours getUTCMinutes getUTCSeconds getUTCMilliseconds getYear
  toISOString toDateString toTimeString toUTCString toGMTString toLocaleDateString toLocaleTimeString`)

/** Those that call their first argument; `sort` does, too. */
export const CALLING_METHODS = names(`
  forEach map filter some every find findIndex findLast findLastIndex reduce reduceRight flatMap sort toSorted`)

/** Methods that change their object, which the run itself must have made. */
export const CHANGING_METHODS = names(`
  push pop shift unshift splice sort reverse fill copyWithin set add delete clear
  setTime setFullYear setMonth setDate setHours setMinutes setSeconds setMilliseconds
  setUTCFullYear setUTCMonth setUTCDate setUTCHours setUTCMinutes setUTCSeconds setUTCMilliseconds`)

/** Changing methods that return the object itself. */
export const CHAINING_METHODS = names('sort reverse fill copyWithin')

/** Reading methods that return a new list. */
export const COPYING_METHODS = names('slice concat map filter split flat flatMap toSorted toReversed toSpliced with')

/** Functions that return a new list. */
export const MAKING_FUNCTIONS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({ Object: names('keys values entries'), Array: names('of from') }),
)

/** The names of all methods of built-in objects, which must not be read without being called. */
export const INTRINSIC_METHODS: ReadonlySet<string> = new Set(
  [Object, Array, String, Number, Boolean, BigInt, Symbol, Function, RegExp, Date, Map, Set, Error, Promise]
    .map((type): object => type.prototype)
    .flatMap((prototype) =>
      Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { value }]) =>
        typeof value === 'function' ? [name] : [],
      ),
    ),
)

/** Supported syntax. */
export const SYNTAX = names(`
  ExpressionStatement Literal Identifier MemberExpression ChainExpression CallExpression NewExpression BinaryExpression
  LogicalExpression UnaryExpression ConditionalExpression SequenceExpression TemplateLiteral TemplateElement
  AssignmentExpression UpdateExpression ArrayExpression ObjectExpression Property SpreadElement
  FunctionExpression ArrowFunctionExpression FunctionDeclaration BlockStatement EmptyStatement ReturnStatement IfStatement
  ForStatement ForInStatement ForOfStatement WhileStatement DoWhileStatement SwitchStatement SwitchCase BreakStatement
  ContinueStatement LabeledStatement ThrowStatement TryStatement CatchClause VariableDeclaration VariableDeclarator
  ArrayPattern ObjectPattern AssignmentPattern RestElement`)
