// The script that settles the report of a gate and grants its request atomically, by the clock of Redis. It keeps one
// key per limit.

/**
 * KEYS[1]: the key of the limit. ARGV[1]: a LimitRequest as JSON. ARGV[2]: names the run of the server.
 * Returns a LimitReply or a LimitConflict as JSON.
 */
export const SCRIPT = `
local EXPIRY = 9000   -- ms after which the slots of a silent gate are free
local SILENT = 1000   -- ms after which a silent gate waits for nothing any more
local GRACE = 1000    -- ms in which gates report before anything is granted
local KEPT = 86400000 -- ms after which an unused limit is forgotten

local ask = cjson.decode(ARGV[1])
local none = cjson.null
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local raw = redis.call('GET', KEYS[1])
local state = raw and cmsgpack.unpack(raw)

local function capped(kind, level)
  local bucket = ask[kind]
  return bucket == none and 0 or math.min(bucket.capacity, level)
end

-- A place without state begins empty.
local isLost = false
if not state then
  state = { terms = ask.terms, at = now, pause = 0, requests = 0, tokens = 0, owners = {} }
  isLost = true
end

-- A clock that was set back moves all moments back.
local back = state.at - now
if back > 0 then
  state.at, state.open, state.pause = now, state.open - back, state.pause - back
  for _, owner in pairs(state.owners) do
    owner.seen, owner.since = owner.seen - back, owner.since - back
    if owner.due then owner.due = owner.due - back end
  end
end

local function forget(moment)
  for id, owner in pairs(state.owners) do
    if moment - owner.seen > EXPIRY then state.owners[id] = nil end
  end
end
forget(state.at)

-- After a restart, or when no gate reported for longer than gates with slots are silent, reports may be missing.
for _, owner in pairs(state.owners) do
  if owner.held > 0 and now - state.at > 2 * SILENT then isLost = true end
end
if isLost or state.run ~= ARGV[2] then
  state.run, state.epoch, state.open, state.at = ARGV[2], string.format('%.3f', now), now + GRACE, now
  state.requests, state.tokens = math.min(0, state.requests), math.min(0, state.tokens)
  for _, owner in pairs(state.owners) do owner.due = nil end
end
if now >= state.open then forget(now) end

if state.terms ~= ask.terms then
  for id in pairs(state.owners) do
    if id ~= ask.owner then return cjson.encode({ differs = state.terms }) end
  end
  state.terms = ask.terms
end

-- Buckets: what came in, what comes back, and debts of which a place without state does not know.
for _, kind in ipairs({ 'requests', 'tokens' }) do
  local bucket, level = ask[kind], state[kind]
  if bucket ~= none then
    level = capped(kind, level + (now - state.at) * bucket.perMs)
    if ask.epoch == state.epoch or ask.back[kind] < 0 then level = capped(kind, level + ask.back[kind]) end
    if ask.epoch ~= state.epoch and ask.known[kind] < 0 then level = math.min(level, ask.known[kind]) end
    state[kind] = level
  end
end
state.at = now

-- The pause.
local pause = ask.pause
if ask.epoch ~= state.epoch then pause = math.max(pause, ask.known.pause) end
if pause > 0 then
  state.pause = math.max(state.pause, now + pause)
  state.requests, state.tokens = math.min(0, state.requests), math.min(0, state.tokens)
end

-- This gate, and gates that have not reported for too long: debts that these wait for are taken back.
local me = state.owners[ask.owner] or { since = now }
local isRevoked = me.revoked or false
me.revoked = nil
if ask.held > 0 or not ask.leaves then state.owners[ask.owner] = me else state.owners[ask.owner] = nil end
if #ask.calls > 0 or ask.back.requests > 0 then me.due = nil end
local wasWaiting = (me.wanted or 0) > (me.held or 0)
if ask.held < (me.held or 0) or not wasWaiting then me.since = now end
me.seen, me.held, me.wanted = now, ask.held, ask.wanted
for id, owner in pairs(state.owners) do
  if owner.due and now - owner.seen > SILENT then
    if owner.due > now then
      state.requests = capped('requests', state.requests + 1)
      state.tokens = capped('tokens', state.tokens + owner.cost)
      owner.revoked = true
    end
    owner.due = nil
  end
end

-- Slots: spread evenly over the gates that can use any.
local slots, added, active = ask.held, 0, 0
if ask.slots ~= none then
  local free = ask.slots
  for _, owner in pairs(state.owners) do
    free = free - owner.held
    if owner.wanted > 0 then active = active + 1 end
  end
  local share = math.floor(ask.slots / math.max(1, active))
  local least = math.max(1, share)
  local needs, before = 0, 0
  for id, owner in pairs(state.owners) do
    local isWaiting = owner.wanted > owner.held and now - owner.seen < SILENT
    if id ~= ask.owner and isWaiting and owner.held < least then
      needs = needs + math.min(owner.wanted, least) - owner.held
      if owner.since < me.since then before = before + 1 end
    end
  end
  if needs > free then slots = math.min(slots, share) end
  if now >= state.open then
    local missing = ask.wanted - ask.held
    local first = math.max(0, math.min(missing, least - ask.held, free - before))
    local more = math.max(0, math.min(missing - first, free - first - needs))
    added = first + more
    if added > 0 then
      slots = ask.held + added
      me.held, me.since = slots, now
    end
  end
end

-- Permits.
local granted, wait = 0, 0
local most = #ask.calls
if ask.slots ~= none then most = math.min(most, ask.ready + added) end
if now < state.open then
  wait = state.open - now
elseif now < state.pause then
  wait = state.pause - now
else
  local function spend(cost)
    if ask.requests ~= none then state.requests = state.requests - 1 end
    if ask.tokens ~= none then state.tokens = state.tokens - cost end
    granted = granted + 1
  end
  for index = 1, most do
    local cost = ask.calls[index]
    if ask.requests ~= none and state.requests < 1 - 1e-6 then break end
    if ask.tokens ~= none and state.tokens < cost - 1e-6 then break end
    spend(cost)
  end
  if granted == 0 and most > 0 then
    spend(ask.calls[1])
    if ask.requests ~= none then wait = math.max(wait, -state.requests / ask.requests.perMs) end
    if ask.tokens ~= none then wait = math.max(wait, -state.tokens / ask.tokens.perMs) end
    if wait > SILENT then me.due, me.cost = now + wait, ask.calls[1] end
  end
end

redis.call('SET', KEYS[1], cmsgpack.pack(state), 'PX', KEPT)
return cjson.encode({
  epoch = state.epoch,
  slots = slots,
  calls = granted,
  wait = wait,
  poll = math.max(15, math.min(250, 5 * active), state.open - now),
  pause = math.max(0, state.pause - now),
  levels = { requests = state.requests, tokens = state.tokens },
  revoked = isRevoked,
})
`;
