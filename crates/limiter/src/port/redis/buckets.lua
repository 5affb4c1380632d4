-- Decides calls on buckets, in their order, at one moment of the server's clock. All of it is applied or nothing.
--
-- KEYS: the record of the epoch, and then the buckets.
-- ARGV: whether a promotion begins an epoch ("1"), the quarantine in microseconds, and then the calls:
--   check n (bucket cost)*n                          takes all costs or none
--   refund bucket cost                               puts a cost back
--   lend bucket id tokens microseconds n (settled)*n takes leases back, and grants one
--   settle bucket n (settled)*n                      takes leases back
-- where a bucket is its place in KEYS and its shape (units per token, units per microsecond, tokens of a full one), and
-- settled is a lease's id, its epoch and its tokens that were not spent.
-- Answers the epoch and, for each call, a list of whole numbers.

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])

local at_word = 2
local function word()
    at_word = at_word + 1
    return ARGV[at_word]
end
local function number()
    return tonumber(word())
end

-- The reign of this server over its buckets. Connections survive a promotion, and the record may come from the server
-- before; that the identity of the replication has changed is what tells. A new reign begins also when the record was
-- lost, and when the clock stepped back to before the beginning.
local identity = ''
if ARGV[1] == '1' then
    local replication = redis.call('INFO', 'replication')
    if not string.find(replication, 'role:master', 1, true) then
        -- A replica may be open for writes, and has the identity of its primary.
        return redis.error_reply('READONLY the buckets are those of the primary')
    end
    identity = string.match(replication, 'master_replid:(%x+)')
end
local epoch = redis.call('GET', KEYS[1])
local reign, start
if epoch then
    reign, start = string.match(epoch, '^(%x*)%-(%d+)$')
    start = tonumber(start)
end
if reign ~= identity or not start or start > now then
    start = now
    epoch = identity .. '-' .. string.format('%.0f', start)
    redis.call('SET', KEYS[1], epoch)
end
-- Every bucket is empty until the quarantine is over.
local open = start + tonumber(ARGV[2])

local MAX_LEASES = 64
local loaded = {}
local changed = {}

local function room(bucket)
    return math.max(0, (bucket.burst - bucket.lent) * bucket.per_token - bucket.units)
end

local function fill(bucket, moment)
    local elapsed = moment - bucket.at
    if elapsed > 0 then
        bucket.units = bucket.units + math.min(room(bucket), elapsed * bucket.per_micro)
        bucket.at = moment
    end
end

local function forget(bucket, place)
    bucket.lent = bucket.lent - bucket.leases[place].tokens
    table.remove(bucket.leases, place)
end

-- A lease whose time is over is forgotten and not credited; from that moment on the bucket may fill further.
local function expire(bucket)
    while true do
        local first
        for place, lease in ipairs(bucket.leases) do
            if lease.ends <= now and (not first or lease.ends < bucket.leases[first].ends) then
                first = place
            end
        end
        if not first then
            return
        end
        fill(bucket, bucket.leases[first].ends)
        forget(bucket, first)
    end
end

-- What was stored in another epoch is nothing.
local function stored(key)
    local text = redis.call('GET', key)
    if not text then
        return nil
    end
    local held = cmsgpack.unpack(text)
    if held[1] ~= epoch then
        return nil
    end
    local bucket = {
        per_token = held[2], per_micro = held[3], burst = held[4],
        units = held[5], at = held[6], leases = {}, lent = 0, known = true,
    }
    for place = 7, #held, 3 do
        table.insert(bucket.leases, { id = held[place], tokens = held[place + 1], ends = held[place + 2] })
        bucket.lent = bucket.lent + held[place + 1]
    end
    return bucket
end

-- The clock stepped back: nothing accrues for what passes twice, and time counts from here on.
local function step_back(bucket, place)
    if bucket.at > now and bucket.at > open then
        bucket.at = math.max(now, open)
        changed[place] = true
    end
end

-- The limit has changed: the whole tokens stay as far as they fit.
local function reshape(bucket, per_token, per_micro, burst)
    local tokens = math.floor(bucket.units / bucket.per_token)
    bucket.per_token, bucket.per_micro, bucket.burst = per_token, per_micro, burst
    bucket.units = math.min(tokens, math.max(0, burst - bucket.lent)) * per_token
end

-- The next words are a bucket; answers it as it is now, and its place.
local function take_bucket()
    local place, per_token, per_micro, burst = number() + 1, number(), number(), number()
    local bucket = loaded[place]
    if not bucket then
        bucket = stored(KEYS[place]) or {
            per_token = per_token, per_micro = per_micro, burst = burst,
            units = 0, at = open, leases = {}, lent = 0,
        }
        loaded[place] = bucket
        step_back(bucket, place)
        expire(bucket)
        fill(bucket, now)
    end
    if bucket.per_token ~= per_token or bucket.per_micro ~= per_micro or bucket.burst ~= burst then
        reshape(bucket, per_token, per_micro, burst)
    end
    return bucket, place
end

-- Microseconds until so many units have come, none of which come before the quarantine is over.
local function micros(bucket, units)
    if units <= 0 then
        return 0
    end
    return math.ceil(units / bucket.per_micro) + math.max(0, bucket.at - now)
end

-- Microseconds until a cost is there. One that has no room beside what is lent waits for leases to end.
local function until_held(bucket, cost)
    local needed = cost * bucket.per_token
    local units, lent, moment = bucket.units, bucket.lent, math.max(bucket.at, now)
    if needed <= (bucket.burst - lent) * bucket.per_token then
        return micros(bucket, needed - units)
    end
    table.sort(bucket.leases, function(one, other)
        return one.ends < other.ends
    end)
    for _, lease in ipairs(bucket.leases) do
        local most = math.max(units, (bucket.burst - lent) * bucket.per_token)
        units = math.min(most, units + math.max(0, lease.ends - moment) * bucket.per_micro)
        moment, lent = math.max(moment, lease.ends), lent - lease.tokens
        if needed <= (bucket.burst - lent) * bucket.per_token then
            break
        end
    end
    return math.max(0, math.ceil((needed - units) / bucket.per_micro)) + moment - now
end

-- Appends whole tokens, and the microseconds until the cost is there and until it is full.
local function level(answer, bucket, cost)
    table.insert(answer, math.floor(bucket.units / bucket.per_token))
    table.insert(answer, until_held(bucket, cost))
    table.insert(answer, micros(bucket, bucket.burst * bucket.per_token - bucket.units))
end

local function settle(bucket, place)
    for _ = 1, number() do
        local id, of, unspent = word(), word(), number()
        for n, lease in ipairs(bucket.leases) do
            if lease.id == id and of == epoch then
                forget(bucket, n)
                bucket.units = bucket.units + math.min(room(bucket), math.min(unspent, lease.tokens) * bucket.per_token)
                changed[place] = true
                break
            end
        end
    end
end

local calls = {}

function calls.check()
    local asks, granted = {}, true
    for n = 1, number() do
        local bucket, place = take_bucket()
        asks[n] = { bucket = bucket, place = place, cost = number() }
        granted = granted and bucket.units >= asks[n].cost * bucket.per_token
    end
    local answer = { granted and 1 or 0 }
    for _, ask in ipairs(asks) do
        if granted and ask.cost > 0 then
            ask.bucket.units = ask.bucket.units - ask.cost * ask.bucket.per_token
            changed[ask.place] = true
        end
        level(answer, ask.bucket, granted and 0 or ask.cost)
    end
    return answer
end

function calls.refund()
    local bucket, place = take_bucket()
    local units = number() * bucket.per_token
    -- From a bucket that is not known nothing is missing that could be put back.
    if bucket.known or changed[place] then
        bucket.units = bucket.units + math.min(room(bucket), units)
        changed[place] = true
    end
    return {}
end

function calls.settle()
    settle(take_bucket())
    return {}
end

function calls.lend()
    local bucket, place = take_bucket()
    local id, tokens, lifetime = word(), number(), number()
    settle(bucket, place)
    local known
    for _, lease in ipairs(bucket.leases) do
        known = lease.id == id and lease or known
    end
    local answer = { 1 }
    if known then
        -- Whoever asks for another number of tokens under the same id is not told that it has them.
        answer[1] = known.tokens == tokens and 1 or 0
    elseif bucket.units >= tokens * bucket.per_token and #bucket.leases < MAX_LEASES then
        bucket.units = bucket.units - tokens * bucket.per_token
        bucket.lent = bucket.lent + tokens
        table.insert(bucket.leases, { id = id, tokens = tokens, ends = now + lifetime })
        changed[place] = true
    else
        answer[1] = 0
    end
    level(answer, bucket, answer[1] == 1 and 0 or tokens)
    if answer[1] == 0 and answer[3] == 0 then
        -- As many leases as may be are outstanding.
        answer[3] = 1
        for _, lease in ipairs(bucket.leases) do
            answer[3] = answer[3] == 1 and lease.ends - now or math.min(answer[3], lease.ends - now)
        end
    end
    return answer
end

local answers = { epoch }
while at_word < #ARGV do
    table.insert(answers, calls[word()]())
end

-- A full bucket with no leases is what an unknown one is.
for place in pairs(changed) do
    local bucket = loaded[place]
    local held = { epoch, bucket.per_token, bucket.per_micro, bucket.burst, bucket.units, bucket.at }
    local ends = bucket.at + (bucket.burst * bucket.per_token - bucket.units) / bucket.per_micro
    for _, lease in ipairs(bucket.leases) do
        table.insert(held, lease.id)
        table.insert(held, lease.tokens)
        table.insert(held, lease.ends)
        -- What is lent comes back at the rate only after the leases.
        ends = math.max(ends, lease.ends + bucket.lent * bucket.per_token / bucket.per_micro)
    end
    local lives = string.format('%.0f', math.ceil((math.max(ends, now) - now) / 1000) + 1)
    redis.call('SET', KEYS[place], cmsgpack.pack(held), 'PX', lives)
end
return answers
