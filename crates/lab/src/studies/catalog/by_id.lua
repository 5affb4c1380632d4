local ids = { IDS }
local at = 0
request = function()
   at = at % #ids + 1
   return wrk.format("GET", "/v1/products/" .. ids[at])
end
