local kind = "KIND"
local paths
if kind == "list" then
   paths = {
      "?", "?sort=name", "?sort=-name", "?sort=price", "?sort=-price", "?limit=20",
      "?category=CATEGORY", "?category=CATEGORY&sort=price", "?category=CATEGORY&sort=name",
      "?attr.colour=COLOUR", "?attr.colour=COLOUR&category=CATEGORY",
   }
else
   paths = { "?q=WORD", "?q=WORD&limit=20", "?q=WORD+WORD", "?q=WORD&category=CATEGORY", "?q=PREFIX", "?q=WORD&sort=newest" }
end
local categories = { CATEGORIES }
local colours = { COLOURS }
local words = { WORDS }
local escape = function(text)
   return (text:gsub("[^%w]", function(c) return string.format("%%%02X", c:byte()) end))
end
local pick = function(from) return from[math.random(#from)] end
math.randomseed(7)
request = function()
   local path = pick(paths)
   path = path:gsub("CATEGORY", function() return escape(pick(categories)) end)
   path = path:gsub("COLOUR", function() return escape(pick(colours)) end)
   path = path:gsub("WORD", function() return escape(pick(words)) end)
   path = path:gsub("PREFIX", function() return escape(pick(words):sub(1, 3)) end)
   return wrk.format("GET", "/v1/products" .. path)
end
