-- Moves all that is stored under a pattern into the past, by so many microseconds.
local by = tonumber(ARGV[2])
local epochs = {}
local function older(epoch)
    local reign, start = string.match(epoch, '^(%x*)%-(%d+)$')
    return reign .. '-' .. string.format('%.0f', tonumber(start) - by)
end
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
    local text = redis.call('GET', key)
    if string.match(key, ':epoch$') then
        redis.call('SET', key, older(text))
    else
        local held = cmsgpack.unpack(text)
        held[1] = older(held[1])
        held[6] = held[6] - by
        for place = 9, #held, 3 do
            held[place] = held[place] - by
        end
        local left = redis.call('PTTL', key) - math.floor(by / 1000)
        if left > 0 then
            redis.call('SET', key, cmsgpack.pack(held), 'PX', left)
        else
            redis.call('DEL', key)
        end
    end
end
